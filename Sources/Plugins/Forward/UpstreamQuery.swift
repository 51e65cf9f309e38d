import DNSWire

/// A question as it is sent to upstreams, and as their replies are matched with it.
final class UpstreamQuery {
    /// The name as asked, letter case kept, uncompressed.
    private let block: ByteBlock
    let type: RecordType
    let `class`: UInt16
    private let dnssecOK: Bool
    private let checkingDisabled: Bool
    private let recursionDesired: Bool
    /// EDNS options of plugins, codes and lengths included.
    let options: [UInt8]

    init(
        name: ByteView, type: RecordType, class: UInt16, dnssecOK: Bool = false, checkingDisabled: Bool = false,
        recursionDesired: Bool = true, options: [UInt8] = []
    ) {
        block = ByteBlock(capacity: name.count)
        block.bytes.copy(name, to: 0)
        self.type = type
        self.class = `class`
        self.dnssecOK = dnssecOK
        self.checkingDisabled = checkingDisabled
        self.recursionDesired = recursionDesired
        self.options = options
    }

    var name: ByteView { block.view }

    /// True when an answer to the question without EDNS is not what was asked for.
    var needsEDNS: Bool { dnssecOK || !options.isEmpty }

    /// Octets of the message, at most 286 of them without options.
    ///
    /// - Parameter edns: adds an OPT record that offers 1232 octets (RFC 9715) and carries DO.
    func octets(id: UInt16, edns: Bool) -> [UInt8] {
        var flags: UInt16 = recursionDesired ? HeaderFlag.recursionDesired : 0
        if checkingDisabled { flags |= HeaderFlag.checkingDisabled }
        var octets: [UInt8] = []
        octets.reserveCapacity(name.count + options.count + 27)
        func append(_ value: UInt16) {
            octets.append(UInt8(value >> 8))
            octets.append(UInt8(truncatingIfNeeded: value))
        }
        append(id)
        append(flags)
        append(1)
        append(0)
        append(0)
        append(edns ? 1 : 0)
        for index in 0..<name.count { octets.append(name[index]) }
        append(type.rawValue)
        append(`class`)
        guard edns else { return octets }
        octets.append(0)
        append(RecordType.opt.rawValue)
        append(UInt16(MessageWriter.payloadSize))
        append(0)
        append(dnssecOK ? 0x8000 : 0)
        append(UInt16(truncatingIfNeeded: options.count))
        octets.append(contentsOf: options)
        return octets
    }

    /// Those of an upstream's options that answer one of the query's.
    func answered(_ theirs: ByteView) -> [UInt8] {
        guard !options.isEmpty else { return [] }
        return withBytes(options) { own in
            EDNSOptions(theirs).reduce(into: []) { octets, option in
                guard EDNSOptions(own).contains(where: { $0.code == option.code }) else { return }
                octets += EDNSOptions.option(option.code, option.data.array)
            }
        }
    }
}
