import DNSServer
import DNSWire
import Snapshots

/// Chooses on one loop which record comes first.
final class LoadBalanceHandler: Handler {
    private let isWeighted: Bool
    private let preferred: [Network]
    private var weights: Subscription<AddressWeights>
    private var next: UInt32 = .random(in: 0 ... .max)
    private let name = ByteBlock(capacity: 255)

    init(_ settings: LoadBalanceSettings, _ weights: Published<AddressWeights>) {
        isWeighted = settings.weightFile != nil
        preferred = settings.preferred
        self.weights = Subscription(weights)
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard !isWeighted else { return .next }
        // Weyl step, not random: consecutive clients must differ even when there are only two addresses.
        next &+= 0x9E37_79B9
        exchange.style.rotation = Int(next >> 8)
        return .next
    }

    func finish(_ exchange: inout Exchange) {
        guard isWeighted || !preferred.isEmpty, exchange.response.code == .noError else { return }
        switch exchange.asked.type {
        case .a, .aaaa: break
        // Addresses of an SRV record's targets stand behind it.
        case .srv: break
        default: return
        }
        weights.refresh()
        for set in AddressSet.all(of: exchange) where set.records.count > 1 {
            let addresses = set.addresses(in: exchange.response.written)
            let order = order(addresses, of: set, exchange)
            guard order != Array(addresses.indices) else { continue }
            set.write(order.map { addresses[$0] }, into: &exchange)
        }
    }

    private func order(_ addresses: [AddressSet.Address], of set: AddressSet, _ exchange: borrowing Exchange) -> [Int] {
        var order = Array(addresses.indices)
        if isWeighted,
            let length = try? MessageReader.expandName(
                exchange.response.written, at: set.owner, into: name.bytes)
        {
            let weights = weights.value.weights(name.bytes.view(length)) ?? [:]
            let all = addresses.map { weights[$0.address] ?? AddressWeights.usual }
            order.swapAt(0, Self.choose(all, at: Int.random(in: 0..<all.reduce(0, +))))
        }
        guard !preferred.isEmpty else { return order }
        let isPreferred = addresses.map { each in preferred.contains { $0.contains(each.address) } }
        return order.filter { isPreferred[$0] } + order.filter { !isPreferred[$0] }
    }

    /// The index whose share of the sum of all weights holds `point`.
    static func choose(_ weights: [Int], at point: Int) -> Int {
        var rest = point
        for (index, weight) in weights.enumerated() {
            if rest < weight { return index }
            rest -= weight
        }
        return max(0, weights.count - 1)
    }
}

/// Address records of one owner and type in a finished response.
struct AddressSet {
    struct Address {
        let address: IPAddress
        let ttl: UInt32
    }

    let owner: Int
    let type: RecordType
    private(set) var records: [RecordPlace] = []

    /// The sets of the answer and of the additional section, in message order.
    static func all(of exchange: borrowing Exchange) -> [AddressSet] {
        let response = exchange.response.written
        var sets: [AddressSet] = []
        for (record, section) in exchange.response.records(at: exchange.asked.questionEnd) {
            guard record.type == .a && record.dataLength == 4 || record.type == .aaaa && record.dataLength == 16,
                section != .authority
            else { continue }
            let isSame = sets.last.map { $0.type == record.type && sameName($0.owner, record.nameOffset, response) }
            if isSame != true { sets.append(AddressSet(owner: record.nameOffset, type: record.type)) }
            sets[sets.count - 1].records.append(record)
        }
        return sets
    }

    private static func sameName(_ one: Int, _ other: Int, _ message: ByteView) -> Bool {
        if message.at(one) ?? 0 >= 0xC0, message.at(other) ?? 0 >= 0xC0, one + 1 < message.count,
            other + 1 < message.count,
            message.uint16(at: one) == message.uint16(at: other)
        {
            return true
        }
        let (left, right) = (ByteBlock(capacity: 255), ByteBlock(capacity: 255))
        guard let leftLength = try? MessageReader.expandName(message, at: one, into: left.bytes),
            let rightLength = try? MessageReader.expandName(message, at: other, into: right.bytes)
        else { return false }
        return left.bytes.view(leftLength).equalsName(right.bytes.view(rightLength))
    }

    func addresses(in message: ByteView) -> [Address] {
        records.compactMap { record in
            IPAddress(octets: message.slice(record.dataOffset, record.dataLength).array)
                .map { Address(address: $0, ttl: record.ttl) }
        }
    }

    /// Puts `addresses` into the records' places; only data and TTL move, so that no pointer to a name breaks.
    func write(_ addresses: [Address], into exchange: inout Exchange) {
        for (record, address) in zip(records, addresses) {
            exchange.response.overwrite(address.ttl, at: record.ttlOffset)
            withBytes(address.address.octets) { exchange.response.overwrite($0, at: record.dataOffset) }
        }
    }
}
