import HTTPTypes
import Hummingbird
import NIOCore

/// What a request may cost at most.
enum RequestLimits {
    /// 3 MB, as in the API server.
    static let bodyBytes = 3 * 1024 * 1024
    /// Seconds a request waits for a resource version that does not exist yet.
    static let versionWait = 3.0

    /// The whole body; more than the limit is refused before it is read.
    static func body(of request: Request) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bodyBytes {
            throw StatusError.tooLarge
        }
        var bytes: [UInt8] = []
        for try await chunk in request.body {
            guard bytes.count + chunk.readableBytes <= bodyBytes else { throw StatusError.tooLarge }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        return bytes
    }
}
