import DNSServer
import NIOHPACK
import Text

/// How a query stands in an HTTP/2 request, and its response in what comes back.
protocol UpstreamCall: Sendable {
    /// The header of a request, and its body; nil for none.
    func request(_ query: [UInt8]) -> (head: HPACKHeaders, body: [UInt8]?)

    /// The message in a whole response to `query`, whatever its id.
    func response(_ reply: UpstreamReply, to query: [UInt8]) throws(UpstreamRefusal) -> [UInt8]
}

/// A whole HTTP/2 response.
struct UpstreamReply {
    var head = HPACKHeaders()
    var body: [UInt8] = []
    /// What came behind the body.
    var trailers = HPACKHeaders()

    var status: String { head.first(name: ":status") ?? "" }
}

/// What an upstream said instead of a DNS message.
struct UpstreamRefusal: Error {
    let reason: String
}

/// Queries by POST or GET (RFC 8484).
struct HTTPSCall: UpstreamCall {
    private static let type = "application/dns-message"
    private let head: HPACKHeaders
    private let asksByGET: Bool

    init(_ target: UpstreamTarget, asksByGET: Bool) {
        self.asksByGET = asksByGET
        var head: HPACKHeaders = [
            ":method": asksByGET ? "GET" : "POST", ":scheme": "https", ":authority": target.authority,
        ]
        if !asksByGET {
            head.add(name: ":path", value: DNSOverHTTPS.path)
            head.add(name: "content-type", value: Self.type)
        }
        self.head = head
    }

    func request(_ query: [UInt8]) -> (head: HPACKHeaders, body: [UInt8]?) {
        var head = head
        // Caches on the way find equal questions equal (RFC 8484 §4.1).
        let query = [0, 0] + query.dropFirst(2)
        guard asksByGET else {
            head.add(name: "accept", value: Self.type)
            head.add(name: "content-length", value: String(query.count))
            return (head, query)
        }
        head.add(name: ":path", value: "\(DNSOverHTTPS.path)?dns=\(Base64URL.text(of: query))")
        head.add(name: "accept", value: Self.type)
        return (head, nil)
    }

    func response(_ reply: UpstreamReply, to query: [UInt8]) throws(UpstreamRefusal) -> [UInt8] {
        guard reply.status == "200" else { throw UpstreamRefusal(reason: "status \(reply.status)") }
        let type = reply.head.first(name: "content-type") ?? "nothing"
        guard type == Self.type || type.hasPrefix(Self.type + ";") else {
            throw UpstreamRefusal(reason: "content of type \(type)")
        }
        return reply.body
    }
}

/// Queries as calls of CoreDNS' service.
struct GRPCCall: UpstreamCall {
    private let head: HPACKHeaders

    init(_ target: UpstreamTarget, isEncrypted: Bool) {
        head = [
            ":method": "POST", ":scheme": isEncrypted ? "https" : "http", ":path": DNSOverGRPC.path,
            ":authority": target.authority, "content-type": "application/grpc", "te": "trailers",
        ]
    }

    func request(_ query: [UInt8]) -> (head: HPACKHeaders, body: [UInt8]?) {
        (head, PacketFrame.framed(DNSPacket.holding(query)))
    }

    func response(_ reply: UpstreamReply, to query: [UInt8]) throws(UpstreamRefusal) -> [UInt8] {
        guard reply.status == "200" else { throw UpstreamRefusal(reason: "status \(reply.status)") }
        // A call that fails at once has everything in its one header.
        let place = reply.trailers.contains(name: "grpc-status") ? reply.trailers : reply.head
        switch place.first(name: "grpc-status") {
        case "0"?:
            guard case .packet(let packet) = PacketFrame.packet(in: reply.body),
                let message = DNSPacket.message(in: packet)
            else { throw UpstreamRefusal(reason: "no DnsPacket") }
            return message
        case String(DNSOverGRPC.Status.notFound.rawValue)?: return Self.nameError(query)
        case let status:
            let words = place.first(name: "grpc-message").map { ": \($0)" } ?? ""
            throw UpstreamRefusal(reason: "rpc error: code \(status ?? "missing")\(words)")
        }
    }

    /// What CoreDNS makes of `NotFound`: the question back with NXDOMAIN.
    private static func nameError(_ query: [UInt8]) -> [UInt8] {
        guard query.count >= 12 else { return query }
        var message = query
        message[2] |= 0x80
        message[3] = message[3] & 0xF0 | 3
        return message
    }
}
