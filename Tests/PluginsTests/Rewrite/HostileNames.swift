import DNSServer
import DNSWire
import TestKit
import Testing
import ZoneData

@testable import Plugins

/// Names of random octets through every plugin that looks at text or changes messages; ldns reads what comes out.
@Suite("names that nobody would choose") struct HostileNames {
    private static let corefile = """
        dns64 {
        allow_ipv4
        translate_all
        }
        loadbalance {
        prefer 192.0.2.0/25
        }
        rewrite continue name regex ^(.*)e(.*)$ {2}{1}
        rewrite continue name substring a. bb.
        rewrite continue name suffix c.test. .d.test. answer auto
        rewrite continue name prefix z yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
        rewrite continue ttl regex .* 5-10
        rewrite continue cname regex ^(.)(.*) {2}
        rewrite rcode regex x NXDOMAIN NOERROR
        acl {
        filter type HTTPS
        allow
        }
        template ANY TXT {
        match (?P<first>.)(?P<rest>.*)
        answer "{{ .Name }} 60 IN TXT {{ .Group.rest }}"
        answer "{{ .Group.rest }} 60 IN TXT \\"{{ index .Match 1 }}\\""
        fallthrough
        }
        cache 30
        """

    /// A name of up to 250 octets, most of them of the kinds that mean something in text.
    private static func name(_ dice: inout SystemRandomNumberGenerator) -> [UInt8] {
        let favourites = Array(".\\\"{}()@;$ #\n\t0a1e9czx-_".utf8) + [0, 255, 128]
        var wire: [UInt8] = []
        for _ in 0..<250 {
            let length = Int.random(in: 1...63, using: &dice)
            guard wire.count + length + 2 <= Int.random(in: 20...250, using: &dice) else { break }
            wire.append(UInt8(length))
            for _ in 0..<length {
                let isFavourite = UInt8.random(in: 0..<4, using: &dice) > 0
                wire.append(
                    isFavourite ? favourites.randomElement(using: &dice) ?? 0 : .random(in: 0...255, using: &dice))
            }
        }
        let ends: [[UInt8]] = [[0], Array("\u{4}test\u{0}".utf8), Array("\u{1}c\u{4}test\u{0}".utf8)]
        return wire + (ends.randomElement(using: &dice) ?? [0])
    }

    @Test("each gets a well-formed response to its own question", .timeLimit(.minutes(5))) func random() throws {
        let server = try MemoryServer(Self.corefile + "\nforward . @UPSTREAM@") { query in
            // An alias to another random name, and an address of it.
            var dice = SystemRandomNumberGenerator()
            let target = Self.name(&dice)
            let question = Array(query.octets[12...].prefix { $0 != 0 })
            guard question.count > 20 else { return [query.reply(authority: [.soa("test.")], code: 3)] }
            let address: [UInt8] = query.parsed.type == .aaaa ? [UInt8](repeating: 1, count: 16) : [192, 0, 2, 200]
            return [Self.reply(query, target, address)]
        }
        var dice = SystemRandomNumberGenerator()
        for id in 1...600 as ClosedRange<UInt16> {
            let name = Self.name(&dice)
            let type = ([1, 28, 5, 16, 255, 33, 15, 6, 12, 65, 65280] as [UInt16]).randomElement(using: &dice) ?? 1
            let question = name + [UInt8(type >> 8), UInt8(type & 0xFF), 0, 1]
            let query = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + question
            let response = try #require(server.begin(query).octets, "silence after \(query)")
            #expect(Array(response.prefix(2)) == Array(query.prefix(2)))
            #expect(Array(response.dropFirst(12).prefix(question.count)) == question)
            #expect(throws: Never.self, "\(query) gave \(response)") { try MessageText.text(of: response) }
        }
    }

    private static func reply(_ query: ReceivedQuery, _ target: [UInt8], _ address: [UInt8]) -> [UInt8] {
        var reply = query.reply(opt: false)
        reply[7] = 2
        reply += [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, UInt8(target.count >> 8), UInt8(target.count & 0xFF)] + target
        return reply + target + [0, address.count == 16 ? 28 : 1, 0, 1, 0, 0, 0, 60, 0, UInt8(address.count)] + address
    }
}
