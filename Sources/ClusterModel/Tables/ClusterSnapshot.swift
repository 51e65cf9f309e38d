import DNSWire

/// All records of the cluster at one moment; shares the shards that did not change with the snapshot before.
package final class ClusterSnapshot: Sendable {
    /// Unix seconds of the last change of the records, made to rise with every snapshot that differs (RFC 1982).
    package let serial: UInt32
    let tables: Tables
    private let directory: ShardDirectory
    /// Plain pointers into this snapshot: valid only as long as somebody holds it.
    package let view: ClusterView

    init(_ tables: Tables, serial: UInt32, options: ModelOptions, seed: UInt64) {
        self.tables = tables
        self.serial = serial
        directory = ShardDirectory(tables.sharded)
        view = unsafe ClusterView(
            shards: UnsafePointer(directory.start), namespaces: KeyedTable(bytes: tables.namespaces.view), seed: seed,
            options: options)
    }

    /// Octets of all tables.
    package var octetCount: Int {
        var sum = tables.namespaces.view.count
        for shard in tables.sharded where shard !== Shard.empty {
            sum += shard.view.count
        }
        return sum
    }
}

/// The shards of one snapshot.
struct Tables: Sendable {
    static let shardCount = 256
    /// `KeyedTable`s from service and namespace to `ServiceEntry`.
    var services = [Shard](repeating: .empty, count: shardCount)
    /// `AddressTable`s from address to `ReverseMark`.
    var reverse = [Shard](repeating: .empty, count: shardCount)
    /// `AddressTable`s from address to `PodMark`; empty unless pods are verified.
    var pods = [Shard](repeating: .empty, count: shardCount)
    /// `KeyedTable`s from service and namespace to `ExternalEntry`; empty unless they are kept.
    var external = [Shard](repeating: .empty, count: shardCount)
    /// `AddressTable`s from external address to the hash of its service's key.
    var externalReverse = [Shard](repeating: .empty, count: shardCount)
    /// A `KeyedTable` of the visible namespaces, without payload.
    var namespaces = Shard.empty

    /// All that are found by a hash, in the order of the directory.
    var sharded: [Shard] { services + reverse + pods + external + externalReverse }
}

/// Where a snapshot's shards are, in one array that a view can point to.
///
/// Safe to share: written once by `init`; the snapshot keeps every shard alive that it points to.
@safe private final class ShardDirectory: @unchecked Sendable {
    let start: UnsafeMutablePointer<ByteView>

    init(_ shards: [Shard]) {
        unsafe start = UnsafeMutablePointer<ByteView>.allocate(capacity: max(shards.count, 1))
        for (index, shard) in shards.enumerated() { unsafe (start + index).initialize(to: shard.view) }
    }

    deinit { unsafe start.deallocate() }
}
