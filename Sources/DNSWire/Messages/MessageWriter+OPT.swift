extension MessageWriter {
    mutating func appendOPT(_ edns: EDNS) {
        var place = count
        output.store(UInt8(0), at: place)
        output.store(RecordType.opt.rawValue, at: place + 1)
        output.store(UInt16(announcedSize), at: place + 3)
        output.store(UInt8(truncatingIfNeeded: code.rawValue >> 4), at: place + 5)
        output.store(UInt8(0), at: place + 6)
        output.store(edns.dnssecOK ? UInt16(0x8000) : 0, at: place + 7)
        let lengthOffset = place + 9
        place += Self.optLength
        withBytes(options) { output.copy($0, to: place) }
        place += options.count
        if let extendedError, place + 6 <= sizeLimit {
            // EDE is option 15 (RFC 8914 §2).
            output.store(UInt16(15), at: place)
            output.store(UInt16(2), at: place + 2)
            output.store(extendedError.code, at: place + 4)
            place += 6 + Int(append(extendedError.text, at: place + 6))
        }
        output.store(UInt16(truncatingIfNeeded: place - lengthOffset - 2), at: lengthOffset)
        count = place
    }

    /// Writes the text of the extended error behind its code, where all of it fits; gives its length.
    private func append(_ text: [UInt8]?, at place: Int) -> UInt16 {
        guard let text, place + text.count <= sizeLimit else { return 0 }
        withBytes(text) { output.copy($0, to: place) }
        let length = UInt16(truncatingIfNeeded: text.count)
        output.store(length + 2, at: place - 4)
        return length
    }

    /// Octets that the whole message may take.
    private var sizeLimit: Int { min(limit + Self.optLength + options.count, output.capacity) }

    /// Puts whole options, codes and lengths included, into OPT, as below.
    package mutating func add(options octets: [UInt8], to query: Query) {
        withBytes(octets) { view in
            for option in EDNSOptions(view) {
                add(option: EDNSOptions.option(option.code, option.data.array), to: query)
            }
        }
    }

    /// Puts a whole option, code and length included, into OPT, if the response has one, room for it, and no other
    /// option of this code.
    package mutating func add(option octets: [UInt8], to query: Query) {
        guard query.edns != nil, octets.count >= 4, count + octets.count <= limit else { return }
        let code = UInt16(octets[0]) << 8 | UInt16(octets[1])
        guard !withBytes(options, { EDNSOptions($0).contains { $0.code == code } }) else { return }
        options += octets
        limit -= octets.count
    }

    /// Lets the message take no more octets than this over UDP, and says so in OPT.
    package mutating func limitPayload(to octets: Int, shortens: Bool) {
        announcedSize = min(announcedSize, octets)
        guard shortens else { return }
        limit = min(limit, octets - Self.optLength - options.count)
    }
}
