import DNSServer
import NIOHTTP1
import Text

/// Queries by GET and POST (RFC 8484).
struct DNSOverHTTPS: QueryForm {
    static let path = "/dns-query"

    let longestBody = 65536
    let tooLong = HTTPReply.text(.payloadTooLarge, "request body too large")

    func refusal(of head: HTTPRequestHead) -> HTTPReply? {
        let (path, _) = Self.parts(of: head.uri)
        guard path == Self.path else { return .text(.notFound, "not found") }
        switch head.method {
        case .GET: return nil
        case .POST:
            let encoding = head.headers.first(name: "content-encoding") ?? "identity"
            return encoding == "identity" ? nil : .text(.unsupportedMediaType, "body must not be compressed")
        default:
            return .text(.methodNotAllowed, "method not allowed", [.init("allow", "GET, POST")])
        }
    }

    func query(in body: [UInt8], of head: HTTPRequestHead) throws(HTTPReply) -> [UInt8] {
        guard head.method == .GET else { return body }
        let values = Self.values(of: "dns", in: Self.parts(of: head.uri).query)
        guard values.count == 1 else { throw Self.invalid }
        guard values[0].utf8.count <= Base64URL.length(ofOctets: longestBody) else {
            throw .text(.uriTooLong, "query too long")
        }
        guard let message = Base64URL.octets(of: values[0]) else { throw Self.invalid }
        return message
    }

    func reply(to answer: TransportAnswer) -> HTTPReply {
        switch answer {
        case .response(let message), .begun(let message, _):
            HTTPReply(
                status: .ok,
                headers: [
                    .init("content-type", "application/dns-message"),
                    .init("cache-control", "max-age=\(ResponseLifetime.seconds(of: message))"),
                ], body: message)
        case .invalid: Self.invalid
        case .silent: .text(.internalServerError, "no response")
        }
    }

    private static let invalid = HTTPReply.text(.badRequest, "invalid request")

    /// A target's path, and what follows its first question mark.
    private static func parts(of target: String) -> (path: Substring, query: Substring) {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return (target[...], "") }
        return (target[..<mark], target[target.utf8.index(after: mark)...])
    }

    /// The values of every parameter of this name.
    private static func values(of name: String, in query: Substring) -> [Substring] {
        query.utf8.split(separator: UInt8(ascii: "&")).compactMap { part in
            let prefix = name + "="
            return part.starts(with: prefix.utf8) ? Substring(part.dropFirst(prefix.utf8.count)) : nil
        }
    }
}
