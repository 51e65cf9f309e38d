/// What an API server says about a request that it refused: meta/v1 Status, or nothing but the HTTP status.
package struct StatusReport: Sendable, Equatable {
    /// HTTP status, or `code` of a Status inside a watch.
    package var code: Int
    /// meta/v1 StatusReason such as "Expired"; empty when the body is not a Status.
    package var reason: String = ""
    package var message: String = ""
    /// Header `Retry-After` or `details.retryAfterSeconds`.
    package var retryAfter: Duration?
    /// The asked version is newer than the server knows (cause ResourceVersionTooLarge).
    package var isVersionTooLarge: Bool = false

    package init(code: Int, reason: String = "", message: String = "", retryAfter: Duration? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.retryAfter = retryAfter
    }

    /// - Parameters:
    ///   - body: a Status of either encoding, or anything: proxies and overload answer in plain text or HTML.
    ///   - httpStatus: nil for a Status that came as a watch's ERROR event.
    init(body: [UInt8], httpStatus: Int?, retryAfter: Duration? = nil) {
        self.init(code: httpStatus ?? 0, retryAfter: retryAfter)
        let encoding: WireEncoding = body.starts(with: ProtobufListSplitter.magic) ? .protobuf : .json
        // The depth is checked before the reader below, which calls itself for each level of nesting.
        var depth = JSONSequenceSplitter()
        guard encoding == .protobuf || (try? depth.feed(body)) != nil else { return }
        guard let status = try? encoding.readEnveloped(WireStatus.self, from: body), !status.status.isEmpty else {
            return
        }
        if httpStatus == nil { code = Int(status.code) }
        reason = status.reason
        message = String(status.message.prefix(512))
        if self.retryAfter == nil, status.details.retryAfterSeconds > 0 {
            self.retryAfter = .seconds(Int64(status.details.retryAfterSeconds))
        }
        isVersionTooLarge =
            status.details.causes.contains { $0.reason == "ResourceVersionTooLarge" }
            || (code == 504 && message.contains("Too large resource version"))
    }

    /// The asked version or page token is no longer known: 410, whose reason is Expired or, from older servers, Gone.
    package var isExpired: Bool { code == 410 || reason == "Expired" || reason == "Gone" }
}
