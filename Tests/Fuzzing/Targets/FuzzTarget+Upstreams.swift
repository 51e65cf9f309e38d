import DNSServer
import DNSWire
import FuzzDriver
import TestKit

@testable import Plugins

extension FuzzTarget {
    /// What upstreams say (F5, F6).
    static let upstreams = [
        FuzzTarget(
            name: "reply", about: "an upstream's message as a reply; what is kept leads from the question"
        ) {
            let buffer = ByteBlock(capacity: 65_535)
            return { octets in checkReply(octets, buffer.bytes) }
        },
        FuzzTarget(
            name: "forward", about: "datagrams forged, broken and right; a model says which of them counts"
        ) {
            let bench = ForwardBench()
            return { octets in try bench.check(octets) }
        },
        FuzzTarget(
            name: "cache", about: "questions and time; what cache answers was said for that key, in its time"
        ) {
            let bench = CacheBench()
            return { octets in try bench.check(octets) }
        },
        FuzzTarget(name: "told", about: "what an upstream tells of changes; whole names, and replies of their records")
        {
            let buffer = ByteBlock(capacity: 65_535)
            return { octets in withBytes(octets) { checkTold($0, buffer.bytes) } }
        },
    ]

    private static func checkTold(_ octets: ByteView, _ buffer: OutputBytes) {
        for (name, change) in PushedChange.read(octets) ?? [:] {
            hold(FollowedName(key: name.keys[0]) == name, "a name that is none")
            hold(change.records.reduce(0) { $0 + $1.data.count } <= octets.count, "more data than was told")
            guard let reply = name.reply(change.records, buffer) else { continue }
            hold(Int(reply.answers) <= change.records.count, "more records than were told")
        }
    }

    private static func checkReply(_ octets: [UInt8], _ buffer: OutputBytes) {
        withBytes(octets) { message in
            guard message.count >= 17, let end = try? MessageReader.skipName(message, at: 12), message.count >= end + 4,
                message[end - 1] == 0
            else { return }
            let name = message.slice(12, end - 12)
            let type = RecordType(rawValue: message.uint16(at: end))
            func read(_ message: ByteView) -> Result<UpstreamResponse, UpstreamResponseFault> {
                Result { () throws(UpstreamResponseFault) in
                    try UpstreamResponseReader.read(
                        message, id: octets.uint16(0), name: name, type: type, class: message.uint16(at: end + 2),
                        buffer: buffer)
                }
            }
            guard case .success(let reply) = read(message) else { return }
            hold(reply.questionEnd == end + 4 && reply.octets.count >= end + 4, "another question")
            checkChain(reply, name, type)
            // What was made of a reply is a reply, of which the same is made.
            var again = reply.octets
            let counts = [1, reply.answers, reply.authorities, 0]
            let flags = 0x8000 | reply.code.rawValue & 0xF
            for (place, number) in ([octets.uint16(0), flags] + counts).enumerated() {
                again[place * 2] = UInt8(number >> 8)
                again[place * 2 + 1] = UInt8(number & 0xFF)
            }
            guard case .success(let second) = withBytes(again, read) else {
                return hold(false, "what is passed on would not be taken")
            }
            hold(second.octets[12...] == reply.octets[12...], "what is passed on reads as something else")
            hold(second.answers == reply.answers && second.isPositive == reply.isPositive, "another answer")
            hold(second.hasSOA == reply.hasSOA && second.smallestTTL == reply.smallestTTL, "another lifetime")
        }
    }

    /// Every record of the answer stands at the end of a chain of CNAMEs that begins with the question (RFC 1034 §3.6.2).
    private static func checkChain(_ reply: UpstreamResponse, _ name: ByteView, _ type: RecordType) {
        let scratch = ByteBlock(capacity: 255)
        withBytes(reply.octets) { message in
            func expanded(_ offset: Int) -> [UInt8] {
                guard let length = try? MessageReader.expandName(message, at: offset, into: scratch.bytes) else {
                    hold(false, "a name that cannot be read is passed on")
                    return []
                }
                return scratch.bytes.view(length).array.map(folded)
            }
            var current = name.array.map(folded)
            var records = MessageRecords(
                message, at: reply.questionEnd, answers: reply.answers, authorities: reply.authorities)
            while let (record, section) = records.next() {
                hold(record.ttl <= UInt32(Int32.max), "a TTL of \(record.ttl)")
                let owner = expanded(record.nameOffset)
                guard section == .answer else { continue }
                guard record.type != .dname, record.type != .rrsig else { continue }
                hold(owner == current, "a record off the chain is passed on")
                hold(record.type == type || record.type == .cname || type == .any, "a record of another type")
                if record.type == .cname, type != .cname, type != .any { current = expanded(record.dataOffset) }
            }
            hold(records.isAtEnd, "fewer records than are counted")
        }
    }
}

extension [UInt8] {
    fileprivate func uint16(_ place: Int) -> UInt16 { UInt16(self[place]) << 8 | UInt16(self[place + 1]) }
}
