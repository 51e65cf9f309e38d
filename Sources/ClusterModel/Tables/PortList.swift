import DNSWire

/// A port as tables hold it.
struct CompactPort: Hashable {
    /// Nil for a port that has a name but no number.
    var number: UInt16?
    /// Nil for a protocol that no name can ask for.
    var transport: Transport?
    /// Folded; empty for an unnamed port or a name that is no label.
    var name: [UInt8]

    init(_ port: ObjectPort) {
        let octets = port.name.utf8.map(folded)
        name = octets.count < 64 ? octets : []
        transport = Transport(port.transport)
        number = port.number
    }

    init(_ port: PortList.Port) {
        number = port.hasNumber ? port.number : nil
        transport = port.transport
        name = port.name.array
    }
}

/// Ports in flat memory: count (2), then number (2), protocol and marks (1), name length (1), name for each.
struct PortList: BitwiseCopyable {
    struct Port: BitwiseCopyable {
        let number: UInt16
        fileprivate let marks: UInt8
        let name: ByteView

        var hasNumber: Bool { marks & PortList.numbered != 0 }
        /// An earlier port of the list has the same number.
        var isRepeat: Bool { marks & PortList.repeated != 0 }
        var transport: Transport? { Transport(rawValue: marks & 0xF) }

        /// True for every port when nothing is asked for.
        func matches(_ filter: PortFilter?) -> Bool {
            guard let filter else { return true }
            return transport == filter.transport && name.equals(filter.name)
        }
    }

    private static let numbered: UInt8 = 0x80
    private static let repeated: UInt8 = 0x40
    /// More ports than an EndpointSlice may hold ten times over.
    private static let limit = 1024

    /// What `encode` wrote, or more octets behind it.
    let bytes: ByteView

    var count: Int { Int(bytes.uint16(at: 0)) }

    /// Steps through the list; starts at place 2.
    func next(_ place: inout Int) -> Port? {
        guard place + 4 <= bytes.count else { return nil }
        let length = Int(bytes[place + 3])
        defer { place += 4 + length }
        return Port(
            number: bytes.uint16(at: place), marks: bytes[place + 2], name: bytes.slice(place + 4, length))
    }

    /// Steps to the next port that SRV records are made of: it has a number, and only a name tells it from another port
    /// of the same number.
    func nextServed(_ place: inout Int, by filter: PortFilter?) -> Port? {
        while let port = next(&place) {
            if port.matches(filter), port.hasNumber, filter != nil || !port.isRepeat { return port }
        }
        return nil
    }

    /// How many ports a question with this filter is about; a list without ports counts as one nameless port.
    func matchCount(_ filter: PortFilter?) -> Int {
        guard filter != nil else { return max(1, count) }
        var place = 2
        var matches = 0
        while let port = next(&place) {
            if port.matches(filter) { matches += 1 }
        }
        return matches
    }

    /// True when a name `_port._transport` exists.
    func names(_ transport: Transport) -> Bool {
        var place = 2
        while let port = next(&place) {
            if port.transport == transport, port.name.count > 0 { return true }
        }
        return false
    }

    var ports: [CompactPort] {
        var place = 2
        var ports: [CompactPort] = []
        while let port = next(&place) { ports.append(CompactPort(port)) }
        return ports
    }

    static func encode(_ ports: [CompactPort]) -> [UInt8] {
        var seen: Set<CompactPort> = []
        let distinct = ports.prefix(limit).filter { seen.insert($0).inserted }
        var numbers: Set<UInt16> = []
        var octets: [UInt8] = []
        octets.append(UInt16(distinct.count))
        for port in distinct {
            var marks = port.transport?.rawValue ?? 0
            if let number = port.number {
                marks |= numbered
                if !numbers.insert(number).inserted { marks |= repeated }
            }
            octets.append(port.number ?? 0)
            octets.append(marks)
            octets.append(UInt8(port.name.count))
            octets += port.name
        }
        return octets
    }
}
