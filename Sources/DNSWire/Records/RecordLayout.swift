/// What the data of a known type must look like, where it is given as octets.
enum RecordLayout {
    /// Kinds of fields, one behind the other.
    private enum Field {
        case octets(Int)
        case name
        case string
        /// One string or more.
        case strings
        case rest
    }

    private static func fields(_ type: RecordType) -> [Field] {
        switch type {
        case .a: [.octets(4)]
        case .aaaa: [.octets(16)]
        case .cname, .dname, .ns, .ptr: [.name]
        case .mx: [.octets(2), .name]
        case .srv: [.octets(6), .name]
        case .soa: [.name, .name, .octets(20)]
        case .txt: [.strings]
        case .hinfo: [.string, .string]
        case .naptr: [.octets(4), .string, .string, .string, .name]
        case .caa: [.octets(1), .string, .rest]
        default: [.rest]
        }
    }

    static func isWellFormed(_ data: [UInt8], _ type: RecordType) -> Bool {
        var rest = data[...]
        for field in fields(type) {
            switch field {
            case .octets(let count):
                guard rest.count >= count else { return false }
                rest = rest.dropFirst(count)
            case .name:
                guard takeName(&rest) else { return false }
            case .string:
                guard takeString(&rest) else { return false }
            case .strings:
                repeat {
                    guard takeString(&rest) else { return false }
                } while !rest.isEmpty
            case .rest: return true
            }
        }
        return rest.isEmpty
    }

    private static func takeString(_ rest: inout ArraySlice<UInt8>) -> Bool {
        guard let length = rest.first, rest.count > Int(length) else { return false }
        rest = rest.dropFirst(1 + Int(length))
        return true
    }

    private static func takeName(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let all = rest.count
        while let length = rest.first, length < 64, rest.count > Int(length) {
            rest = rest.dropFirst(1 + Int(length))
            if length == 0 { return all - rest.count <= 255 }
        }
        return false
    }
}
