import DNSWire
import FuzzDriver
import TestKit

@testable import ClusterModel
@testable import KubernetesAPI

extension FuzzTarget {
    /// What API servers send, and what is made of it (F12).
    static let cluster = [
        FuzzTarget(name: "index", about: "events and lists in any order; the tables are those of one fresh list") {
            { checkIndex($0) }
        },
        FuzzTarget(name: "snapshot", about: "a snapshot file's content; what is taken of it can be saved again") {
            { checkSnapshot($0) }
        },
        FuzzTarget(name: "watch-protobuf", about: "a watch in protobuf, whole and in pieces; its objects into an index")
        {
            { checkWatch($0, .protobuf) }
        },
        FuzzTarget(name: "watch-json", about: "a watch in JSON, whole and in pieces; its objects into an index") {
            { checkWatch($0, .json) }
        },
        FuzzTarget(name: "list-protobuf", about: "a list in protobuf, whole and in pieces; its objects into an index") {
            { checkList($0, .protobuf) }
        },
        FuzzTarget(name: "list-json", about: "a list in JSON, whole and in pieces; its objects into an index") {
            { checkList($0, .json) }
        },
    ]

    static let model: ModelOptions = {
        var options = ModelOptions(pods: .verified, keepsExternalAddresses: true)
        options.indexesPods = true
        options.answersImports = true
        options.answersZones = true
        return options
    }()

    private static func checkIndex(_ octets: [UInt8]) {
        var world = FuzzedCluster(octets)
        let followed = ClusterIndex(options: model, seed: 1)
        var time: UInt32 = 1_700_000_000
        while let changes = world.step() {
            followed.apply(changes, now: time)
            time += 1
            if world.publishes { _ = followed.makeSnapshot() }
        }
        let fresh = ClusterIndex(options: model, seed: 2)
        for kind in ObjectKind.allCases {
            let objects = world.objects[kind, default: [:]].values.map(ObjectChange.stored)
            fresh.apply([.relistStarted(kind)] + objects + [.relistFinished(kind)], now: time)
        }
        let wanted = ZoneRecords.all(of: fresh.makeSnapshot())
        hold(ZoneRecords.all(of: followed.makeSnapshot()) == wanted, "events end elsewhere than a list begins")
        // Another process goes on from what was saved.
        guard let restored = withBytes(saved(followed), { ClusterIndex(restoring: $0, options: model) }) else {
            return hold(false, "what was saved cannot be restored")
        }
        hold(ZoneRecords.all(of: restored.makeSnapshot()) == wanted, "what was restored is something else")
    }

    private static func saved(_ index: ClusterIndex) -> [UInt8] {
        var octets: [UInt8] = []
        index.save { octets += $0.array }
        return octets
    }

    /// Octets as they are, or those of a small cluster with some of them changed.
    private static func snapshot(_ octets: [UInt8]) -> [UInt8] {
        var input = FuzzInput(octets)
        guard input.octet() & 1 == 1 else { return input.remaining() }
        let changes = (0..<input.number(below: 4)).map { _ in
            (place: Int(input.octet()) << 8 | Int(input.octet()), value: input.octet())
        }
        var world = FuzzedCluster(input.remaining())
        let index = ClusterIndex(options: model, seed: 1)
        while let changes = world.step() { index.apply(changes, now: 1) }
        var content = saved(index)
        for change in changes { content[change.place % content.count] ^= change.value }
        return content
    }

    private static func checkSnapshot(_ octets: [UInt8]) {
        let content = snapshot(octets)
        guard let index = withBytes(content, { ClusterIndex(restoring: $0, options: model) }) else { return }
        let records = ZoneRecords.all(of: index.makeSnapshot())
        guard let again = withBytes(saved(index), { ClusterIndex(restoring: $0, options: model) }) else {
            return hold(false, "what was saved cannot be restored")
        }
        hold(ZoneRecords.all(of: again.makeSnapshot()) == records, "what was restored is something else")
        for kind in ObjectKind.allCases { index.apply([.relistStarted(kind), .relistFinished(kind)], now: 1) }
        hold(ZoneRecords.count(of: index.makeSnapshot()) <= 1, "what is not listed any more is still there")
    }

    /// What comes of pieces, and whether they were whole.
    private static func fed<Item>(
        _ pieces: [ArraySlice<UInt8>], _ feed: (ArraySlice<UInt8>) throws -> [Item], finish: () throws -> Void
    ) -> ([Item], isWhole: Bool) {
        var found: [Item] = []
        do {
            for piece in pieces { found += try feed(piece) }
            try finish()
            return (found, true)
        } catch {
            return (found, false)
        }
    }

    private static func checkWatch(_ octets: [UInt8], _ encoding: WireEncoding) {
        var input = FuzzInput(octets)
        let kind = input.pick(ObjectKind.allCases)
        let cuts = (0..<3).map { _ in 1 + input.number(below: 64) }
        let stream = input.remaining()
        func messages(_ pieces: [ArraySlice<UInt8>]) -> ([WatchMessage], isWhole: Bool) {
            var splitter = WatchSplitter(encoding)
            return fed(pieces) {
                try splitter.feed($0)
            } finish: {
                try splitter.finish()
            }
        }
        let whole = messages([stream[...]])
        let pieces = messages(split(stream, cuts))
        hold(whole.isWhole == pieces.isWhole, "taken whole or in pieces, not both")
        if whole.isWhole { hold(whole.0 == pieces.0, "pieces give other events than the whole") }
        store(pieces.0.map(\.object), kind, encoding, isEnveloped: true)
    }

    private static func checkList(_ octets: [UInt8], _ encoding: WireEncoding) {
        var input = FuzzInput(octets)
        let kind = input.pick(ObjectKind.allCases)
        let cuts = (0..<3).map { _ in 1 + input.number(below: 64) }
        let body = input.remaining()
        func parts(_ pieces: [ArraySlice<UInt8>]) -> ([ListPiece], isWhole: Bool) {
            var splitter = ListSplitter(encoding)
            return fed(pieces) {
                try splitter.feed($0)
            } finish: {
                try splitter.finish()
            }
        }
        let whole = parts([body[...]])
        let pieces = parts(split(body, cuts))
        hold(whole.isWhole == pieces.isWhole, "taken whole or in pieces, not both")
        if whole.isWhole { hold(whole.0 == pieces.0, "pieces give other items than the whole") }
        let items = pieces.0.compactMap { piece in if case .item(let octets) = piece { octets } else { nil } }
        store(items, kind, encoding, isEnveloped: false)
    }

    private static func split(_ stream: [UInt8], _ cuts: [Int]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < stream.count {
            let end = min(stream.count, start + cuts[pieces.count % cuts.count])
            pieces.append(stream[start..<end])
            start = end
        }
        return pieces
    }

    /// What can be read of the objects, in an index, can be walked.
    private static func store(
        _ objects: [[UInt8]], _ kind: ObjectKind, _ encoding: WireEncoding, isEnveloped: Bool
    ) {
        let index = ClusterIndex(options: model, seed: 1)
        let read = objects.prefix(20).compactMap { octets in
            try? ObservedObject(kind, from: octets, encoding, isEnveloped: isEnveloped, podLabels: true)
        }
        guard !read.isEmpty else { return }
        index.apply([.stored(namespace("default"))] + read.compactMap { $0.object.map(ObjectChange.stored) }, now: 1)
        _ = ZoneRecords.all(of: index.makeSnapshot())
        for object in read { index.apply([.deleted(kind, object.key)], now: 2) }
        index.apply([.deleted(.namespace, ObjectKey(namespace: "", name: "default"))], now: 3)
        hold(ZoneRecords.count(of: index.makeSnapshot()) <= 1, "what was deleted is still there")
    }
}
