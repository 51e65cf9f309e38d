import DNSServer
import NIOHTTP1
import Testing

@testable import SecureTransport

@Suite("queries as gRPC calls") struct Calls {
    private let form = DNSOverGRPC()

    private func head(
        _ target: String = "/coredns.dns.DnsService/Query", method: HTTPMethod = .POST,
        type: String? = "application/grpc"
    ) -> HTTPRequestHead {
        let headers = HTTPHeaders(type.map { [("content-type", $0)] } ?? [])
        return HTTPRequestHead(version: .http2, method: method, uri: target, headers: headers)
    }

    /// gRPC's status of a reply.
    private func status(_ reply: HTTPReply?) -> String? {
        reply?.trailers?.first { $0.name == "grpc-status" }?.value
    }

    private func failure(_ body: [UInt8]) -> String? {
        do throws(HTTPReply) {
            _ = try form.query(in: body, of: head())
            return nil
        } catch {
            return status(error)
        }
    }

    @Test("a call of one packet") func call() throws {
        #expect(form.refusal(of: head()) == nil)
        #expect(form.refusal(of: head(type: "application/grpc+proto")) == nil)
        #expect(try form.query(in: [0, 0, 0, 0, 5, 0x0A, 3, 7, 8, 9], of: head()) == [7, 8, 9])
        let reply = form.reply(to: .response([7, 8, 9]))
        #expect(reply.body == [0, 0, 0, 0, 5, 0x0A, 3, 7, 8, 9])
        #expect((reply.status.code, status(reply)) == (200, "0"))
    }

    @Test("what is not this call") func otherCalls() {
        #expect(form.refusal(of: head(method: .GET))?.status.code == 405)
        #expect(form.refusal(of: head(type: "application/json"))?.status.code == 415)
        #expect(form.refusal(of: head(type: nil))?.status.code == 415)
        #expect(status(form.refusal(of: head("/coredns.dns.DnsService/Watch"))) == "12")
        #expect(status(form.refusal(of: head("/dns-query"))) == "12")
        #expect(status(form.reply(to: .invalid)) == "3")
        #expect(status(form.reply(to: .silent)) == "13")
        #expect(status(form.tooLong) == "8")
    }

    @Test(
        "malformed bodies",
        arguments: [
            ([], "13"), ([0, 0, 0, 0], "13"), ([0, 0, 0, 0, 1], "13"), ([0, 0, 0, 0, 0, 7], "13"),
            ([0, 0xFF, 0xFF, 0xFF, 0xFF], "13"), ([2, 0, 0, 0, 0], "13"), ([1, 0, 0, 0, 0], "12"),
            ([0, 0, 0, 0, 2, 0x0A, 3], "13"), ([0, 0, 0, 0, 1, 0x0A], "13"),
        ] as [([UInt8], String)])
    func malformed(_ body: [UInt8], _ wanted: String) { #expect(failure(body) == wanted) }

    @Test("a packet of fields that are not known") func unknownFields() {
        let known: [UInt8] = [0x0A, 2, 5, 6]
        let number: [UInt8] = [0x10, 0x96, 0x01]
        let text: [UInt8] = [0x1A, 1, 0x41]
        let fixed: [UInt8] = [0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(DNSPacket.message(in: number + known + text + fixed) == [5, 6])
        #expect(DNSPacket.message(in: known + [0x0A, 1, 9]) == [9])
        #expect(DNSPacket.message(in: []) == [])
    }

    @Test(
        "malformed packets",
        arguments: [
            [0x0A], [0x0A, 5, 1], [0x08], [0x08, 0x80], [0x02, 0], [0x0B], [0x0C], [0x25, 1, 2, 3],
            [0x0A] + Array(repeating: 0xFF, count: 9) + [0x01],
            [0x08] + Array(repeating: 0xFF, count: 10) + [0x01], [0x08] + Array(repeating: 0xFF, count: 9) + [0x02],
        ] as [[UInt8]])
    func malformedPackets(_ packet: [UInt8]) { #expect(DNSPacket.message(in: packet) == nil) }

    @Test("packets of every length are read as written", arguments: [0, 1, 127, 128, 16383, 16384, 65535])
    func lengths(_ count: Int) {
        let message = [UInt8](repeating: 3, count: count)
        let packet = DNSPacket.holding(message)
        #expect(DNSPacket.message(in: packet) == message)
        #expect(PacketFrame.packet(in: PacketFrame.framed(packet)) == .packet(packet))
        #expect(PacketFrame.framed(packet).count <= form.longestBody)
    }
}
