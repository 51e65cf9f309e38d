package import DNSServer
package import DNSWire
import EventLoop

/// Queries that scripts left waiting for the network, in the order in which they came.
package final class Waiting {
    package private(set) var places: [ParkingID] = []
    weak var chain: Chain?

    package init() {}

    /// The verdict of a handler that waits.
    package func park(for client: String = "127.0.0.1") -> Verdict {
        let address = SocketAddress(IPAddress(client) ?? IPAddress(v4: 0x7F00_0001), port: 40_000)
        guard let id = chain?.park(for: address) else { return .failed(.serverFailure, because: "no place to wait") }
        places.append(id)
        return .suspended(id)
    }

    /// Lets go of queries that are not to go on.
    package func forget() { places = [] }

    /// Goes on with the query that has waited longest.
    package func go(_ resolution: Resolution) { chain?.resume(places.removeFirst(), with: resolution) }

    /// The network answered the query that has waited longest.
    ///
    /// - Parameter question: what it asks now.
    package func answer(
        _ question: String, _ answers: [TestRecord] = [], authority: [TestRecord] = [], code: UInt8 = 0
    ) throws {
        go(.response(try .init(question, answers, authority: authority, code: code)))
    }

    /// The network gave no answer to the query that has waited longest.
    package func fail(
        _ code: ResponseCode = .serverFailure, _ error: ExtendedError? = nil, because reason: String = "cut"
    ) {
        go(.failed(code, error, because: reason))
    }
}

extension UpstreamResponse {
    /// What an upstream says to `question`.
    package init(
        _ question: String, _ answers: [TestRecord] = [], authority: [TestRecord] = [], code: UInt8 = 0
    ) throws {
        let query = WireText.query(question, id: 7)
        let received = ReceivedQuery(octets: query, transport: .udp, peer: nil, number: 0)
        self = try UpstreamResponse(received.reply(answers, authority: authority, code: code), to: query)
    }

    /// Reads `reply`, which came for `query`.
    package init(_ reply: [UInt8], to query: [UInt8]) throws {
        let name = ByteBlock(capacity: 255)
        let buffer = ByteBlock(capacity: 65535)
        self = try withBytes(query) { query in
            let length = try MessageReader.expandName(query, at: 12, into: name.bytes)
            return try withBytes(reply) { reply in
                try UpstreamResponseReader.read(
                    reply, id: query.uint16(at: 0), name: name.bytes.view(length),
                    type: RecordType(rawValue: query.uint16(at: 12 + length)), class: query.uint16(at: 14 + length),
                    buffer: buffer.bytes)
            }
        }
    }
}

extension Exchange {
    /// What is asked now: `a.test. A`.
    package var asks: String { "\(question.name.nameText) \(question.type)" }

    /// Answers with an address of this server's own.
    package mutating func answer(_ address: String, ttl: UInt32 = 60) -> Verdict {
        let isTaken = withBytes(IPAddress(address)?.octets ?? []) { octets in
            response.appendRecord(
                owner: question.nameOffset, type: octets.count == 4 ? .a : .aaaa, ttl: ttl, data: octets, in: .answer)
        }
        if !isTaken { response.truncate() }
        isAuthoritative = true
        return .answered
    }

    /// Writes a CNAME of this server's own and asks for its target.
    package mutating func alias(_ target: String, ttl: UInt32 = 60) -> Verdict {
        response.beginRecord(owner: question.nameOffset, type: .cname, ttl: ttl)
        let place = response.count
        withBytes(Name.wireKeepingCase(target) ?? [0]) { response.write($0) }
        guard response.endRecord(in: .answer) else { return .failed(.serverFailure, because: "no room for a CNAME") }
        isAuthoritative = true
        return chase(targetAt: place)
    }
}
