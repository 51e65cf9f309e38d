import Corefile
import DNSServer
import DNSWire
import EventLoop
import FuzzDriver
import NIOHTTP1
import Text

@testable import SecureTransport

extension FuzzTarget {
    /// DNS within TLS, HTTP and gRPC (F9).
    static let streams = [
        FuzzTarget(name: "https", about: "method, path and body of a request over HTTPS; one status or one message") {
            { checkRequest($0, DNSOverHTTPS()) }
        },
        FuzzTarget(name: "grpc", about: "a call's path and body; packets that are read are written alike") {
            { octets in
                checkRequest(octets, DNSOverGRPC())
                if let message = DNSPacket.message(in: octets) {
                    hold(DNSPacket.message(in: DNSPacket.holding(message)) == message, "another message")
                }
            }
        },
        FuzzTarget(name: "http2", about: "HTTP/2 frames from an upstream, in pieces; one outcome for a query") {
            { checkSession($0) }
        },
        FuzzTarget(name: "padding", about: "a response padded (RFC 8467); as long as it should be, and whole") {
            { checkPadding($0) }
        },
        FuzzTarget(name: "pem", about: "certificates and keys as PEM") {
            { octets in
                _ = try? PEMFile.certificates(octets, "fuzz.pem")
                _ = try? PEMFile.key(octets, "fuzz.pem")
            }
        },
    ]

    private static func checkRequest(_ octets: [UInt8], _ form: some QueryForm) {
        let parts = octets.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
        var input = FuzzInput(Array(parts[0]))
        let method = input.pick([HTTPMethod.GET, .POST, .PUT, .HEAD])
        let target = String(decoding: input.remaining(), as: UTF8.self)
        let body = parts.count > 1 ? Array(parts[1]) : []
        let head = HTTPRequestHead(
            version: .http2, method: method, uri: target, headers: ["content-type": "application/grpc"])
        if let refusal = form.refusal(of: head) {
            return hold(refusal.status.code == 200 || refusal.status.code >= 400, "refused with \(refusal.status)")
        }
        guard let message = try? form.query(in: body, of: head) else { return }
        hold(message.count <= 65_536, "a message of \(message.count) octets")
        let reply = form.reply(to: .response(message))
        hold(reply.status == .ok, "an answer with \(reply.status)")
    }

    private static func checkSession(_ octets: [UInt8]) {
        var input = FuzzInput(octets)
        let isGRPC = input.octet() & 1 == 1
        let cuts = (0..<3).map { _ in 1 + input.number(below: 100) }
        let target = UpstreamTarget(.anyIPv4(port: 443), scheme: .https, serverName: "dns.test")
        let call: any UpstreamCall =
            isGRPC ? GRPCCall(target, isEncrypted: false) : HTTPSCall(target, asksByGET: false)
        guard let peer = try? upstreamPeer() else { return }
        let session = HTTPSession(call, target, peer, nil)
        for id in 1...3 { session.ask([0, UInt8(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1]) }
        _ = session.takeOutgoing()
        var open: Set<UInt16> = [1, 2, 3]
        var (rest, turn) = (input.remaining()[...], 0)
        while !rest.isEmpty {
            let piece = Array(rest.prefix(cuts[turn % 3]))
            rest = rest.dropFirst(piece.count)
            turn += 1
            withBytes(piece) { session.take($0) }
            while let event = session.next() {
                // It says so as often as it is asked.
                guard let id = settled(event) else { return session.end() }
                hold(open.remove(id) != nil, "two outcomes for one query, or one that nobody asked")
            }
            _ = session.takeOutgoing()
        }
        session.end()
        _ = session.takeOutgoing()
    }

    /// The query that is over with an event; nil for the end of all.
    private static func settled(_ event: UpstreamEvent) -> UInt16? {
        switch event {
        case .response(let message): UInt16(message[0]) << 8 | UInt16(message[1])
        case .refused(let id, _), .lost(let id, _): id
        case .ended: nil
        }
    }

    private static func checkPadding(_ octets: [UInt8]) {
        let padded = ResponsePadding.padded(octets)
        guard padded.count != octets.count else { return hold(padded == octets, "changed, but not padded") }
        hold(padded.count % 468 == 0 || padded.count == 65_535, "\(padded.count) octets")
        // Behind options that are cut nothing is found; responses of this server have none.
        let isWhole = withBytes(octets) { message in
            guard var records = MessageRecords(message) else { return false }
            var data = ByteView.empty
            while let (record, _) = records.next() { data = message.slice(record.dataOffset, record.dataLength) }
            var options = EDNSOptions(data)
            while options.next() != nil {}
            return options.isAtEnd
        }
        hold(!isWhole || ResponsePadding.isWanted(by: padded), "padded, and without padding")
        let same = withBytes(padded) { padded in
            var records = MessageRecords(padded)
            var end = 0
            while let (record, _) = records?.next() { end = record.end }
            return records?.isAtEnd == true && end == padded.count
        }
        hold(same, "padded, and not whole any more")
    }
}
