internal import AsyncHTTPClient
internal import NIOCore

extension APIConnection {
    /// Sends a request and gives on the JSON objects of its answer, one after the other, as they come.
    ///
    /// - Parameters:
    ///   - silence: the longest time without an octet.
    ///   - take: given each object; false ends the request.
    /// - Returns: the whole answer when its status is not 200; nil when the objects have ended.
    package func objects(
        of request: APIRequest, silence: Duration, _ take: @escaping @Sendable ([UInt8]) async -> Bool
    ) async throws(APIFailure) -> APIResponse? {
        var stream = try await start(request)
        stream.place = nil
        guard stream.status == 200 else {
            return APIResponse(
                status: stream.status, contentType: stream.contentType, retryAfter: stream.retryAfter,
                body: try await stream.collect(limit: SizeLimit.errorBody, idle: limits.bodyIdle))
        }
        let body = stream.body
        let failure: APIFailure?? = await SilenceLimit(silence).run { silence -> APIFailure? in
            var splitter = JSONSequenceSplitter()
            do {
                for try await chunk in body {
                    silence.ended()
                    for object in try splitter.feed(chunk.readableBytesView) {
                        guard await take(object) else { return nil }
                        silence.ended()
                    }
                }
            } catch {
                return Task.isCancelled ? .cancelled : .unreachable(describe(error))
            }
            return nil
        }
        guard let failure else { throw .timedOut("body") }
        if let failure { throw failure }
        return nil
    }
}
