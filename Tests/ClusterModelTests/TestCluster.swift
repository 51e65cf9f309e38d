import DNSWire
import TestKit
import Testing

@testable import ClusterModel

/// A cluster written down as a test reads it, and the index that follows it.
final class TestCluster {
    static let zoneText = "cluster.local"
    let index: ClusterIndex
    private(set) var snapshot: ClusterSnapshot
    var ttl: UInt32 = 30
    var now: UInt32 = 1_700_000_000

    init(_ options: ModelOptions = ModelOptions(), seed: UInt64 = 42, _ objects: [ClusterObject] = []) {
        index = ClusterIndex(options: options, seed: seed)
        snapshot = index.makeSnapshot()
        store(objects)
    }

    convenience init(_ objects: [ClusterObject]) { self.init(ModelOptions(), objects) }

    /// Answers from another index from now on.
    func take(_ other: ClusterIndex) { snapshot = other.makeSnapshot() }

    func store(_ objects: [ClusterObject]) { apply(objects.map(ObjectChange.stored)) }
    func store(_ objects: ClusterObject...) { store(objects) }

    func apply(_ changes: [ObjectChange]) {
        index.apply(changes, now: now)
        snapshot = index.makeSnapshot()
    }

    func delete(_ object: ClusterObject) { apply([.deleted(object.kind, object.key)]) }

    func relist(_ kind: ObjectKind, _ objects: [ClusterObject]) {
        apply([.relistStarted(kind)] + objects.map(ObjectChange.stored) + [.relistFinished(kind)])
    }
}

// MARK: - Asking

/// What came back, as text.
struct Reply: Equatable {
    enum Outcome: Equatable {
        case records
        case alias(String)
        case noData, noSuchName
    }
    var outcome: Outcome
    var answer: [String] = []
    var additional: [String] = []
    var isTruncated = false
    var size = 0
}

extension TestCluster {
    /// - Parameters:
    ///   - text: `name TYPE`; names without a final dot are below `cluster.local`.
    ///   - size: the most octets of the response.
    func ask(_ text: String, size: Int = 65_535, rotation: Int = 0) -> Reply {
        let parts = text.split(separator: " ").map(String.init)
        let full = parts[0].hasSuffix(".") ? parts[0] : parts[0] + "." + Self.zoneText + "."
        guard let wire = Name.wireKeepingCase(full), let type = RecordType(parts[1]) else {
            Issue.record("no question: \(text)")
            return Reply(outcome: .noSuchName)
        }
        return ask(wire: wire, type, size: size, rotation: rotation)
    }

    /// By what its changes are told; nil for what everything changes.
    func changeKey(of text: String) -> UInt64? {
        let parts = text.split(separator: " ").map(String.init)
        let full = parts[0].hasSuffix(".") ? parts[0] : parts[0] + "." + Self.zoneText + "."
        let wire = Name.wireKeepingCase(full) ?? []
        let zone = Self.zone(of: wire)
        return withBytes(wire) { name in
            snapshot.view.changeKey(
                of: ClusterQuestion(
                    name: name, folded: name, type: .a, nameOffset: 12, zoneLength: zone.name.wire.count,
                    zoneIsReverse: zone.isReverse, ttl: ttl, rotation: 0))
        }
    }

    func ask(wire: [UInt8], _ type: RecordType, size: Int = 65_535, rotation: Int = 0) -> Reply {
        let zone = Self.zone(of: wire)
        var octets: [UInt8] = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + wire
        octets += [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, 1]
        let message = ByteBlock(octets)
        let scratch = ByteBlock(capacity: 255)
        let buffer = ByteBlock(capacity: 65_535)
        var query = Query()
        #expect(QuestionParser.parse(message.view, into: &query, scratch: scratch.bytes) == .accepted)
        var response = MessageWriter(buffer.bytes)
        response.begin(message.view, query, size: size)
        var question = ClusterQuestion(
            name: query.name, folded: query.folded, type: type, nameOffset: 12, zoneLength: zone.name.wire.count,
            zoneIsReverse: zone.isReverse, ttl: ttl, rotation: rotation)
        question.zoneIsMulticluster = zone.name == Self.clusterSet
        let primary = ByteBlock(Self.primary.wire)
        let answer = withExtendedLifetime(snapshot) {
            snapshot.view.answer(question, primaryZone: primary.view, to: &response)
        }
        let length = response.finish(query)
        withExtendedLifetime((message, scratch, primary)) {}
        return Self.read(answer, buffer, length, query.questionEnd, response.isTruncated)
    }

    private static let primary = Name(zoneText) ?? .root
    static let clusterSet = Name("clusterset.local") ?? .root
    private static let zones = [primary, clusterSet, Name("in-addr.arpa") ?? .root, Name("ip6.arpa") ?? .root].map(
        ClusterZone.init)

    private static func zone(of wire: [UInt8]) -> ClusterZone {
        let name = withBytes(wire) { Name($0) }
        return zones.first { name.isSubdomain(of: $0.name) } ?? zones[0]
    }

    static func read(
        _ answer: ClusterAnswer, _ buffer: ByteBlock, _ length: Int, _ start: Int, _ isTruncated: Bool
    ) -> Reply {
        let message = buffer.bytes.view(length)
        let outcome: Reply.Outcome =
            switch answer {
            case .records: .records
            // What they have is the server's to say.
            case .noData, .ofServer: .noData
            case .noSuchName: .noSuchName
            case .cname(let offset): .alias(nameText(message, offset))
            }
        var reply = Reply(outcome: outcome, isTruncated: isTruncated, size: length)
        var reader = MessageReader(message, at: start)
        do {
            for _ in 0..<message.uint16(at: 6) { reply.answer.append(recordText(message, try reader.next())) }
            for _ in 0..<message.uint16(at: 10) { reply.additional.append(recordText(message, try reader.next())) }
            #expect(reader.offset == length)
        } catch {
            Issue.record("unreadable response: \(error)")
        }
        withExtendedLifetime(buffer) {}
        return reply
    }

    private static func nameText(_ message: ByteView, _ offset: Int) -> String {
        let block = ByteBlock(capacity: 255)
        do {
            let length = try MessageReader.expandName(message, at: offset, into: block.bytes)
            return block.bytes.view(length).nameText
        } catch {
            return "(\(error))"
        }
    }

    private static func recordText(_ message: ByteView, _ record: RecordPlace) -> String {
        let data = message.slice(record.dataOffset, record.dataLength)
        let text: String =
            switch record.type {
            case .a, .aaaa: IPAddress(octets: data.array)?.description ?? "?"
            case .srv:
                (0..<3).map { String(data.uint16(at: 2 * $0)) }.joined(separator: " ") + " "
                    + nameText(message, record.dataOffset + 6)
            case .txt: "\"" + String(decoding: data.array.dropFirst(), as: UTF8.self) + "\""
            default: nameText(message, record.dataOffset)
            }
        return "\(nameText(message, record.nameOffset)) \(record.ttl) \(record.type) \(text)"
    }
}
