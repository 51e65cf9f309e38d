internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// A response whose body is still arriving.
struct APIStream: Sendable {
    let status: Int
    /// Lower-cased; empty when absent.
    let contentType: String
    let retryAfter: Duration?
    let isCompressed: Bool
    /// Of the connection's client, for `APIConnection.isRetired`.
    let generation: Int
    let body: HTTPClientResponse.Body
    /// Held while the request counts as under way.
    var place: RequestGate.Place?

    init(_ response: HTTPClientResponse, generation: Int) {
        status = Int(response.status.code)
        contentType = (response.headers.first(name: "content-type") ?? "").lowercased()
        // Capped: a server that asks for a day would be a server that stops us.
        retryAfter = response.headers.first(name: "retry-after").flatMap { Int64($0) }
            .map { .seconds(min(max($0, 0), 300)) }
        let coding = response.headers.first(name: "content-encoding")?.lowercased() ?? "identity"
        isCompressed = coding != "identity"
        self.generation = generation
        body = response.body
    }

    /// Reads the body whole.
    ///
    /// - Parameters:
    ///   - limit: octets; a larger body is an error.
    ///   - idle: the longest silence.
    func collect(limit: Int, idle: Duration) async throws(APIFailure) -> [UInt8] {
        let body = body
        let result: Result<[UInt8], APIFailure>? = await SilenceLimit(idle).run { silence in
            var bytes: [UInt8] = []
            do {
                for try await chunk in body {
                    silence.ended()
                    guard bytes.count + chunk.readableBytes <= limit else { return .failure(.tooLarge(limit: limit)) }
                    bytes.append(contentsOf: chunk.readableBytesView)
                }
            } catch {
                return .failure(Task.isCancelled ? .cancelled : .unreachable(describe(error)))
            }
            return Task.isCancelled ? .failure(.cancelled) : .success(bytes)
        }
        guard let result else { throw .timedOut("body") }
        return try result.get()
    }
}
