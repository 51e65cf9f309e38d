import ClusterModel
import DNSWire
import EventLoop

/// The cluster as it was last known, on disk: what a replica answers from while the API server is away.
///
/// A head of 64 octets, integers in network order: "CDNSSNAP", version (4), unused (4), the configuration's fingerprint
/// (8), Unix seconds of writing (8), length of the body (8), checksum of body and head (16), unused (8). Then the body,
/// as `ClusterIndex.save` gives it.
struct SnapshotFile: Sendable {
    static let headLength = 64
    /// Several times what the largest cluster takes.
    static let largestSize = 1 << 30
    private static let magic = Array("CDNSSNAP".utf8)
    private static let version: UInt64 = 1

    let path: String
    /// Files written under another configuration hold other objects.
    let fingerprint: UInt64

    // MARK: Writing

    /// Writes all of `index` beside the file; `finish` of what is given back puts it in its place.
    func write(_ index: ClusterIndex, at now: UInt64) throws(SystemError) -> FileReplacement {
        let replacement = try FileReplacement(of: path)
        try replacement.append([UInt8](repeating: 0, count: Self.headLength))
        var checksum = SnapshotChecksum()
        var length: UInt64 = 0
        // A typed error does not pass through a rethrowing closure.
        var failure: SystemError?
        index.save { piece in
            guard failure == nil else { return }
            let octets = piece.array
            checksum.add(octets)
            length += UInt64(octets.count)
            do throws(SystemError) { try replacement.append(octets) } catch { failure = error }
        }
        if let failure { throw failure }
        try replacement.replaceStart(with: head(at: now, length: length, &checksum))
        return replacement
    }

    private func head(at now: UInt64, length: UInt64, _ checksum: inout SnapshotChecksum) -> [UInt8] {
        var head = Self.magic
        for value in [Self.version << 32, fingerprint, now, length] { head += Self.octets(value) }
        checksum.add(head)
        let (high, low) = checksum.finish()
        return head + Self.octets(high) + Self.octets(low) + Self.octets(0)
    }

    private static func octets(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }

    // MARK: Reading

    /// Why a file is not used.
    enum Refusal: Error, CustomStringConvertible {
        case unreadable(String)
        case foreign
        case otherVersion
        case otherConfiguration
        case torn

        var description: String {
            switch self {
            case .unreadable(let reason): reason
            case .foreign: "it is no snapshot of cluster-dns"
            case .otherVersion: "it was written by another version"
            case .otherConfiguration: "it was written under another configuration of kubernetes"
            case .torn: "its checksum does not match: it is torn or was changed"
            }
        }
    }

    /// The saved index and when it was written in Unix seconds; nil when there is no file.
    func read(options: ModelOptions) throws(Refusal) -> (index: ClusterIndex, writtenAt: UInt64)? {
        let octets: [UInt8]
        do throws(SystemError) {
            guard let found = try FileOctets.read(path, limit: Self.largestSize) else { return nil }
            octets = found
        } catch {
            throw .unreadable("\(error)")
        }
        guard octets.count >= Self.headLength, octets.starts(with: Self.magic) else { throw .foreign }
        let head = (0..<7).map { field in
            octets[(8 + 8 * field)..<(16 + 8 * field)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        guard head[0] == Self.version << 32 else { throw .otherVersion }
        guard head[3] == UInt64(octets.count - Self.headLength) else { throw .torn }
        var checksum = SnapshotChecksum()
        let restored = withBytes(octets) { bytes -> ClusterIndex? in
            let body = bytes.suffix(from: Self.headLength)
            checksum.add(body)
            checksum.add(Array(octets.prefix(40)))
            guard checksum.finish() == (head[4], head[5]) else { return nil }
            return ClusterIndex(restoring: body, options: options)
        }
        guard let restored else { throw .torn }
        guard head[1] == fingerprint else { throw .otherConfiguration }
        return (restored, head[2])
    }
}

/// Two mixes of 64 bits over octets that come in pieces; finds torn and mixed files, not forged ones.
struct SnapshotChecksum {
    private static let blockLength = 1 << 12
    private var state: (UInt64, UInt64) = (0x9E37_79B9_7F4A_7C15, 0xD1B5_4A32_D192_ED03)
    private var rest: [UInt8] = []

    mutating func add(_ octets: [UInt8]) { withBytes(octets) { add($0) } }

    mutating func add(_ octets: ByteView) {
        var place = 0
        if !rest.isEmpty {
            place = min(Self.blockLength - rest.count, octets.count)
            rest += octets.slice(0, place).array
            guard rest.count == Self.blockLength else { return }
            withBytes(rest) { mix($0) }
            rest = []
        }
        while octets.count - place >= Self.blockLength {
            mix(octets.slice(place, Self.blockLength))
            place += Self.blockLength
        }
        rest += octets.suffix(from: place).array
    }

    private mutating func mix(_ block: ByteView) {
        state = (block.hash(seed: state.0), block.hash(seed: ~state.1))
    }

    mutating func finish() -> (UInt64, UInt64) {
        withBytes(rest) { mix($0) }
        rest = []
        return state
    }
}
