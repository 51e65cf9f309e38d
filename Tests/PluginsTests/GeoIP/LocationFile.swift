import DNSWire

/// Writes small databases in MaxMind's format (MaxMind DB File Format 2.0).
struct LocationFile {
    indirect enum Value {
        case text(String)
        case number(Double)
        case integer(UInt32)
        case short(UInt16)
        case long(UInt64)
        case boolean(Bool)
        case map([(String, Value)])
        case list([Value])

        /// Control octet, length, data.
        var octets: [UInt8] {
            switch self {
            case .text(let text): Self.head(2, text.utf8.count) + Array(text.utf8)
            case .number(let number): Self.head(3, 8) + Self.octets(number.bitPattern, 8)
            case .integer(let number): Self.head(6, 4) + Self.octets(UInt64(number), 4)
            case .short(let number): Self.head(5, 2) + Self.octets(UInt64(number), 2)
            case .long(let number): Self.head(9, 8) + Self.octets(number, 8)
            case .boolean(let value): Self.head(14, value ? 1 : 0)
            case .map(let pairs):
                Self.head(7, pairs.count) + pairs.flatMap { Value.text($0.0).octets + $0.1.octets }
            case .list(let values): Self.head(11, values.count) + values.flatMap(\.octets)
            }
        }

        private static func head(_ type: UInt8, _ size: Int) -> [UInt8] {
            let length = size < 29 ? UInt8(size) : 29
            let more = size < 29 ? [] : [UInt8(size - 29)]
            return (type < 8 ? [type << 5 | length] : [length, type - 7]) + more
        }

        private static func octets(_ number: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (count - 1 - $0))) }
        }
    }

    private enum Branch {
        case none
        case node(Int)
        case data(Int)
    }

    private var nodes: [[Branch]] = [[.none, .none]]
    private var data: [UInt8] = []
    let type: String

    init(type: String) { self.type = type }

    /// Adds what is known of a network, such as `192.0.2.0/24`; IPv4 stands at `::/96`.
    mutating func add(_ network: String, _ value: Value) {
        let parts = network.split(separator: "/")
        guard let address = IPAddress(String(parts[0])), let length = Int(parts[1]) else { return }
        let octets = address.isIPv4 ? [UInt8](repeating: 0, count: 12) + address.octets : address.octets
        let depth = address.isIPv4 ? length + 96 : length
        var node = 0
        for bit in 0..<depth {
            let side = Int(octets[bit / 8] >> UInt8(7 - bit % 8)) & 1
            if bit == depth - 1 {
                nodes[node][side] = .data(data.count)
            } else if case .node(let next) = nodes[node][side] {
                node = next
            } else {
                nodes.append([.none, .none])
                nodes[node][side] = .node(nodes.count - 1)
                node = nodes.count - 1
            }
        }
        data += value.octets
    }

    var octets: [UInt8] {
        let tree = nodes.joined().flatMap { branch -> [UInt8] in
            let record =
                switch branch {
                case .none: nodes.count
                case .node(let number): number
                case .data(let offset): nodes.count + 16 + offset
                }
            return [UInt8(record >> 16), UInt8(record >> 8 & 0xFF), UInt8(record & 0xFF)]
        }
        let metadata = Value.map([
            ("node_count", .integer(UInt32(nodes.count))), ("record_size", .short(24)), ("ip_version", .short(6)),
            ("database_type", .text(type)), ("languages", .list([.text("en")])),
            ("binary_format_major_version", .short(2)), ("binary_format_minor_version", .short(0)),
            ("build_epoch", .long(1)), ("description", .map([("en", .text("for tests"))])),
        ])
        return tree + [UInt8](repeating: 0, count: 16) + data + [0xAB, 0xCD, 0xEF] + Array("MaxMind.com".utf8)
            + metadata.octets
    }
}
