import DNSServer
import NIOHTTP1
import Testing

@testable import SecureTransport

@Suite("queries in HTTP requests (RFC 8484)") struct WebRequests {
    private let form = DNSOverHTTPS()

    private func head(
        _ method: HTTPMethod, _ target: String, _ headers: [(String, String)] = []
    ) -> HTTPRequestHead {
        HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: HTTPHeaders(headers))
    }

    /// The query of a GET, or the status that refuses it.
    private func get(_ target: String) -> ([UInt8], UInt) {
        let head = head(.GET, target)
        if let refusal = form.refusal(of: head) { return ([], refusal.status.code) }
        do throws(HTTPReply) {
            return (try form.query(in: [], of: head), 200)
        } catch {
            return ([], error.status.code)
        }
    }

    @Test("GET has the query in its one parameter dns")
    func getting() {
        // RFC 8484 §4.1.1 has this query for www.example.com.
        let (query, status) = get("/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB")
        #expect(status == 200)
        #expect(
            query == [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + [3] + Array("www".utf8) + [7] + Array("example".utf8)
                + [3] + Array("com".utf8) + [0, 0, 1, 0, 1])
        #expect(get("/dns-query?ct&dns=AAAA&a=b") == ([0, 0, 0], 200))
    }

    @Test(
        "what GET may not say",
        arguments: [
            ("/dns-query", 400), ("/dns-query?", 400), ("/dns-query?dns", 400), ("/dns-query?dns=", 400),
            ("/dns-query?dns=AAAA&dns=AAAA", 400), ("/dns-query?DNS=AAAA", 400), ("/dns-query?xdns=AAAA", 400),
            ("/dns-query?dns=AA==", 400), ("/dns-query?dns=AA+A", 400), ("/dns-query?dns=AA/A", 400),
            ("/dns-query?dns=AA%2DA", 400), ("/dns-query?dns=AAAAA", 400), ("/dns-query?dns=AA A", 400),
            ("/dns-query/?dns=AAAA", 404), ("//dns-query?dns=AAAA", 404), ("/?dns=AAAA", 404), ("", 404),
            ("/DNS-QUERY?dns=AAAA", 404), ("/x/%2e%2e/dns-query?dns=AAAA", 404),
            ("/dns-query?dns=" + String(repeating: "A", count: 87_383), 414),
        ] as [(String, UInt)])
    func refusedGets(_ target: String, _ status: UInt) {
        #expect(get(target) == ([], status))
    }

    @Test("the longest query in a GET") func longestGet() {
        let (query, status) = get("/dns-query?dns=" + String(repeating: "A", count: 87_382))
        #expect((query.count, status) == (65536, 200))
    }

    @Test("POST has it in its body, whatever its type")
    func posting() throws {
        let head = head(.POST, "/dns-query", [("Content-Type", "text/plain")])
        #expect(form.refusal(of: head) == nil)
        #expect(try form.query(in: [1, 2, 3], of: head) == [1, 2, 3])
    }

    @Test("a compressed body is not read") func compressed() {
        #expect(form.refusal(of: head(.POST, "/dns-query", [("Content-Encoding", "gzip")]))?.status.code == 415)
        #expect(form.refusal(of: head(.POST, "/dns-query", [("Content-Encoding", "identity")])) == nil)
    }

    @Test("other methods", arguments: [.PUT, .DELETE, .PATCH, .HEAD, .OPTIONS, .TRACE, .CONNECT] as [HTTPMethod])
    func methods(_ method: HTTPMethod) {
        let refusal = form.refusal(of: head(method, "/dns-query"))
        #expect(refusal?.status.code == 405)
        #expect(refusal?.headers.contains(.init("allow", "GET, POST")) == true)
    }

    @Test("responses") func responses() {
        let message: [UInt8] = [0, 0, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]
        let reply = form.reply(to: .response(message))
        #expect((reply.status.code, reply.body) == (200, message))
        #expect(
            reply.headers == [.init("content-type", "application/dns-message"), .init("cache-control", "max-age=5")])
        #expect(form.reply(to: .invalid).status.code == 400)
        #expect(form.reply(to: .invalid).body == Array("invalid request\n".utf8))
        #expect(form.reply(to: .silent).status.code == 500)
    }
}

@Suite("how long a response may be kept") struct Lifetimes {
    /// A message of these records, all of root and without data, as (type, TTL).
    private func message(code: UInt8 = 0, _ records: [(UInt8, UInt32)]) -> [UInt8] {
        let header: [UInt8] = [0, 0, 0x81, 0x80 | code, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
        return records.reduce(header + [0, 0, 1, 0, 1]) { message, record in
            message + [0, 0, record.0, 0, 1] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: record.1 >> $0) } + [
                0, 0,
            ]
        }
    }

    @Test("the smallest TTL, of an hour at most, OPT aside") func smallest() {
        #expect(ResponseLifetime.seconds(of: message([(1, 300), (1, 30), (28, 60)])) == 30)
        #expect(ResponseLifetime.seconds(of: message([(1, 86400)])) == 3600)
        #expect(ResponseLifetime.seconds(of: message([(1, 40), (41, 0)])) == 40)
        #expect(ResponseLifetime.seconds(of: message([(1, 0)])) == 0)
        #expect(ResponseLifetime.seconds(of: message(code: 3, [(6, 17)])) == 17)
    }

    @Test("failures and answers without a record are not kept for long") func shortest() {
        #expect(ResponseLifetime.seconds(of: message(code: 2, [(1, 300)])) == 5)
        #expect(ResponseLifetime.seconds(of: message(code: 5, [])) == 5)
        #expect(ResponseLifetime.seconds(of: message([])) == 5)
        #expect(ResponseLifetime.seconds(of: [1, 2, 3]) == 5)
        #expect(ResponseLifetime.seconds(of: Array(message([(1, 300)]).dropLast(4))) == 5)
    }
}
