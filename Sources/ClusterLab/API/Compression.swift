import HTTPTypes
import Hummingbird
import NIOCore

/// Compresses answers as the API server does: large ones, for clients that accept gzip.
enum Compression {
    /// Octets below which an answer goes as it is.
    static let threshold = 128 * 1024

    static func isAccepted(by request: Request) -> Bool {
        (request.headers[.acceptEncoding] ?? "").split(separator: ",").contains {
            $0.split(separator: ";").first?.trimmed == "gzip"
        }
    }

    /// A whole answer, compressed where that is worth it.
    static func applied(to response: Response, for request: Request) -> Response {
        guard let length = response.body.contentLength, length > threshold, isAccepted(by: request) else {
            return response
        }
        var compressed = response
        compressed.headers[.contentEncoding] = "gzip"
        compressed.headers[.contentLength] = nil
        // The body of a known length is a single buffer.
        compressed.body = response.body.map { buffer in
            var gzip = Gzip()
            gzip.add(buffer.readableBytesView, isLast: true)
            return ByteBuffer(bytes: gzip.takeOutput())
        }
        return compressed
    }
}
