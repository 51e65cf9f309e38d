import DNSServer
import NIOHTTP1

/// Queries as calls of one method: `rpc Query (DnsPacket) returns (DnsPacket)` of `coredns.dns.DnsService`.
struct DNSOverGRPC: QueryForm {
    static let path = "/coredns.dns.DnsService/Query"
    private static let contentType = "application/grpc"

    /// A message of 65,535 octets, its field and its frame.
    let longestBody = 65535 + 4 + 5
    let tooLong = DNSOverGRPC.failure(.resourceExhausted, "message too large")

    /// gRPC's status codes, as far as they are used here.
    enum Status: Int {
        case succeeded = 0
        case invalidArgument = 3
        case notFound = 5
        case resourceExhausted = 8
        case unimplemented = 12
        case `internal` = 13
    }

    func refusal(of head: HTTPRequestHead) -> HTTPReply? {
        guard head.method == .POST else {
            return .text(.methodNotAllowed, "method not allowed", [.init("allow", "POST")])
        }
        guard let type = head.headers.first(name: "content-type"), type.hasPrefix(Self.contentType) else {
            return .text(.unsupportedMediaType, "not \(Self.contentType)")
        }
        return head.uri == Self.path ? nil : Self.failure(.unimplemented, "unknown method")
    }

    func query(in body: [UInt8], of head: HTTPRequestHead) throws(HTTPReply) -> [UInt8] {
        switch PacketFrame.packet(in: body) {
        case .packet(let packet):
            guard let message = DNSPacket.message(in: packet) else {
                throw Self.failure(.internal, "not a DnsPacket")
            }
            return message
        case .compressed: throw Self.failure(.unimplemented, "compression is not supported")
        case .malformed: throw Self.failure(.internal, "not one whole message")
        }
    }

    func reply(to answer: TransportAnswer) -> HTTPReply {
        switch answer {
        case .response(let message), .begun(let message, _):
            var reply = Self.failure(.succeeded, nil)
            reply.body = PacketFrame.framed(DNSPacket.holding(message))
            return reply
        case .invalid: return Self.failure(.invalidArgument, "invalid request")
        case .silent: return Self.failure(.internal, "no response")
        }
    }

    /// HTTP succeeds whatever becomes of a call; what became of it stands behind the body.
    private static func failure(_ status: Status, _ message: String?) -> HTTPReply {
        var trailers = [HTTPReply.HeaderField("grpc-status", String(status.rawValue))]
        if let message { trailers.append(.init("grpc-message", message)) }
        return HTTPReply(status: .ok, headers: [.init("content-type", contentType)], trailers: trailers)
    }
}
