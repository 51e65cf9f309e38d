import DNSServer
import DNSWire
import Testing

@testable import Plugins

@Suite("what an upstream tells of changes (RFC 8765 §6.3.1)") struct FollowedNames {
    static let web: [UInt8] = [3] + Array("web".utf8) + [4] + Array("test".utf8) + [0]

    private func record(_ name: [UInt8] = web, type: UInt16 = 1, class: UInt16 = 1, ttl: UInt32, _ data: [UInt8] = [])
        -> [UInt8]
    {
        var octets = name
        octets.append(bigEndian: type)
        octets.append(bigEndian: `class`)
        octets.append(bigEndian: ttl)
        octets.append(bigEndian: UInt16(data.count))
        return octets + data
    }

    private func read(_ octets: [UInt8]) -> [FollowedName: PushedChange]? {
        withBytes(octets) { PushedChange.read($0) }
    }

    @Test("records of a name are gathered; a removal of all begins anew") func changes() throws {
        let octets =
            record(ttl: 5, [10, 0, 0, 9]) + record(ttl: 0xFFFF_FFFE) + record(ttl: 5, [10, 0, 0, 1])
            + record(ttl: 7, [10, 0, 0, 2])
        let change = try #require(read(octets)?[FollowedName(name: Self.web, type: .a)])
        #expect(change.isWhole && !change.removesOne)
        #expect(change.records.map(\.data) == [[10, 0, 0, 1], [10, 0, 0, 2]] && change.records.map(\.ttl) == [5, 7])
    }

    @Test("names are read in small letters, types apart") func names() {
        let loud: [UInt8] = [3] + Array("WEB".utf8) + [4] + Array("Test".utf8) + [0]
        let told = read(record(loud, ttl: 5, [10, 0, 0, 1]) + record(type: 28, ttl: 0xFFFF_FFFF, [1]))
        #expect(told?.count == 2)
        #expect(told?[FollowedName(name: Self.web, type: .aaaa)]?.removesOne == true)
    }

    @Test("a lifetime that means nothing, and another class, are left out") func ignored() {
        #expect(read(record(ttl: 0x8000_0000, [10, 0, 0, 1]))?.isEmpty == true)
        #expect(read(record(class: 3, ttl: 5, [10, 0, 0, 1]))?.isEmpty == true)
    }

    @Test("what is cut, or points elsewhere, is not read at all") func malformed() {
        let whole = record(ttl: 5, [10, 0, 0, 1])
        for length in 1..<whole.count { #expect(read(Array(whole[..<length])) == nil, "\(length) octets") }
        #expect(read(record([0xC0, 0x0C], ttl: 5, [10, 0, 0, 1])) == nil)
        #expect(read(record([3] + Array("web".utf8) + [0xC0, 0x00], ttl: 5, [10, 0, 0, 1])) == nil)
    }

    @Test("a reply of told records is one of the upstream's, with the records' lifetimes") func replies() throws {
        let name = FollowedName(name: Self.web, type: .a)
        let buffer = ByteBlock(capacity: 65_535)
        let records = [5, 9].map { PushedChange.Record(ttl: $0, data: [10, 0, 0, UInt8($0)]) }
        let reply = try #require(name.reply(records, buffer.bytes))
        #expect(reply.answers == 2 && reply.smallestTTL == 5 && reply.isPositive)
        #expect(NameFollower.isPlain(reply, .a))
        // An address of three octets is none.
        #expect(name.reply([PushedChange.Record(ttl: 5, data: [10, 0, 0])], buffer.bytes) == nil)
    }

    @Test("keys of the cache are names and back; those with options are none") func keys() {
        let name = FollowedName(name: Self.web, type: .srv)
        #expect(name.keys.count == 4)
        for key in name.keys { #expect(FollowedName(key: key) == name) }
        #expect(FollowedName(key: name.keys[0] + [0, 8, 0, 4]) == nil)
        #expect(FollowedName(key: [0, 1, 0, 3, 0] + Self.web) == nil)
    }
}
