import DNSWire
import FuzzDriver
import TestKit
import Text
import ZoneData

@testable import Plugins

extension FuzzTarget {
    /// Zones, signatures and records kept elsewhere (F13).
    static let records = [
        FuzzTarget(name: "zone-file", about: "a zone file; a transfer of what was read gives the same zone") {
            { checkZoneFile($0) }
        },
        FuzzTarget(name: "transfer", about: "messages of a transfer, all records and differences, from a primary") {
            let known = try zone("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nw TXT a\n")
            return { octets in checkTransfer(octets, known) }
        },
        FuzzTarget(name: "zone-answer", about: "a question to a zone with wildcards, cuts and loops; a response") {
            let bench = try ZoneBench()
            return { octets in bench.check(octets) }
        },
        FuzzTarget(name: "tsig", about: "a message with a TSIG record; what is read of it is written alike") {
            { checkTSIG($0) }
        },
        FuzzTarget(name: "signing-key", about: "the two files of a key that signs zones") {
            { octets in
                let parts = octets.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
                let texts = parts.map { String(decoding: $0, as: UTF8.self) }
                _ = try? SigningKey(texts[0], texts.count > 1 ? texts[1] : "")
                _ = ZoneSigner.validity(of: octets)
            }
        },
        FuzzTarget(name: "etcd-record", about: "a key and value of etcd as SkyDNS has them") {
            { octets in
                var input = FuzzInput(octets)
                let labels = (0..<input.number(below: 4)).map { _ in
                    String(decoding: input.octets(input.number(below: 70)), as: UTF8.self)
                }
                let leaseTTL: UInt32? = input.octet() & 1 == 0 ? nil : UInt32(input.octet())
                guard let record = EtcdRecord(labels: labels, value: input.remaining(), leaseTTL: leaseTTL) else {
                    return
                }
                hold(record.ttl > 0 && record.ttl <= UInt32(Int32.max), "a TTL of \(record.ttl)")
                hold(record.name.wire.count <= 255, "a name of \(record.name.wire.count) octets")
            }
        },
    ]

    private struct NoFile: Error {}

    static func zone(_ text: String) throws -> ZoneTable {
        try ZoneFile.table(
            Array(text.utf8), named: "zone", origin: Name("zone.test") ?? .root, readFile: { _ in throw NoFile() })
    }

    private static func checkZoneFile(_ octets: [UInt8]) {
        guard let origin = Name("zone.test"),
            let table = try? ZoneFile.table(octets, named: "zone", origin: origin, readFile: { _ in throw NoFile() })
        else { return }
        // An SOA below the apex, which no zone should have (RFC 1035 §5.2), is left out of transfers.
        guard table.records.count(where: { $0.type == RecordType.soa.rawValue }) == 1 else { return }
        var received = ReceivedZone(of: origin, id: 1)
        let transfer = ZoneTransfer(table)
        let question: [UInt8] = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + origin.wire + [0, 252, 0, 1]
        let buffer = ByteBlock(capacity: 65_535)
        let scratch = ByteBlock(capacity: 255)
        for round in 0... {
            hold(round < 10_000, "a transfer without an end")
            let (message, isMore) = withBytes(question) { asked in
                var query = Query()
                _ = QuestionParser.parse(asked, into: &query, scratch: scratch.bytes)
                var response = MessageWriter(buffer.bytes)
                response.begin(asked, query, size: 65_535)
                let isMore = transfer.fill(&response)
                return (buffer.bytes.view(response.finish(query)).array, isMore)
            }
            do throws(ZoneContentError) {
                if case .whole(let copy, _) = try received.take(message) {
                    hold(!isMore, "a transfer that goes on behind its end")
                    return hold(copy.recordCount == table.recordCount, "another zone: \(copy.recordCount) records")
                }
            } catch {
                return hold(false, "a zone that cannot be transferred: \(error)")
            }
            hold(isMore, "a transfer that does not end")
        }
    }

    private static func checkTransfer(_ octets: [UInt8], _ known: ZoneTable) {
        var input = FuzzInput(octets)
        var received = ReceivedZone(
            of: Name("zone.test") ?? .root, id: 1, since: input.octet() & 1 == 0 ? nil : known, most: 1000)
        for _ in 0..<4 {
            let length = Int(input.octet()) << 8 | Int(input.octet())
            let message = input.octets(length)
            guard !message.isEmpty, case .more? = try? received.take(message) else { return }
        }
    }

    private static func checkTSIG(_ octets: [UInt8]) {
        var input = FuzzInput(octets)
        let offset = Int(input.octet())
        let message = input.remaining()
        guard let record = withBytes(message, { TSIGRecord($0, at: offset) }) else { return }
        guard let again = withBytes(record.octets, { TSIGRecord($0, at: 0) }) else {
            return hold(false, "a record that was written cannot be read")
        }
        hold(again.octets == record.octets && again.variables == record.variables, "another record")
    }
}
