/// Names that end like one that is in the message already (RFC 1035 §4.1.4).
extension MessageWriter {
    /// Labels that are looked at for one message: some milliseconds. Names are written in full from then on, since a message
    /// of an upstream may have thousands of them, each as long and as much alike as names can be.
    private static let mostLabels = 1 << 20
    /// Labels of the longest name.
    private static let labelsOfName = 127

    /// Writes an uncompressed name as a pointer to an equal suffix already in the message where there is one.
    package mutating func writeName(_ name: ByteView) {
        let known = knownSuffix(of: name)
        register(at: count, unless: known.map { $0.start == 0 } ?? (name.count <= 1))
        guard let known else { return write(name) }
        write(name.slice(0, known.start))
        writePointer(to: known.place)
    }

    private mutating func register(at place: Int, unless isPointless: Bool) {
        guard !isPointless, nameStartCount < nameStarts.count, place < 0x4000 else { return }
        nameStarts[nameStartCount] = UInt16(place)
        nameStartCount += 1
    }

    /// The longest end of `name` that the message already spells, letter case included, so that no name changes its case.
    ///
    /// - Returns: where it starts in `name`, and where in the message.
    private mutating func knownSuffix(of name: ByteView) -> (start: Int, place: Int)? {
        guard nameStartCount > 0, labelsCompared < Self.mostLabels else { return nil }
        var starts = InlineArray<127, UInt16>(repeating: 0)
        guard let labels = labels(of: name, from: 0, into: &starts), labels > 0 else { return nil }
        var places = InlineArray<127, UInt16>(repeating: 0)
        var most = 0
        var best: (start: Int, place: Int)?
        for position in 0..<nameStartCount {
            guard let others = self.labels(of: written, from: Int(nameStarts[position]), into: &places) else {
                continue
            }
            // From the end: whatever differs there makes all that is before it another name.
            var shared = 0
            while shared < min(labels, others) {
                let (start, place) = (Int(starts[labels - 1 - shared]), Int(places[others - 1 - shared]))
                let size = Int(name[start]) + 1
                guard count - place >= size, written.slice(place, size).equals(name.slice(start, size)) else { break }
                shared += 1
            }
            labelsCompared += others + shared
            // What begins within reach may end beyond it.
            guard shared > most, places[others - shared] < 0x4000 else { continue }
            most = shared
            best = (Int(starts[labels - shared]), Int(places[others - shared]))
            if shared == labels { break }
        }
        return best
    }

    /// Where the labels of a name start, pointers followed; nil for one that has no end.
    private func labels(of octets: ByteView, from start: Int, into starts: inout InlineArray<127, UInt16>) -> Int? {
        var (place, found) = (start, 0)
        while let length = octets.at(place), length > 0 {
            if length >= 0xC0 {
                guard let low = octets.at(place + 1) else { return nil }
                let target = Int(length & 0x3F) << 8 | Int(low)
                // Only what came before is pointed at, so that there is an end.
                guard target < place else { return nil }
                place = target
            } else {
                guard found < Self.labelsOfName else { return nil }
                starts[found] = UInt16(truncatingIfNeeded: place)
                found += 1
                place += Int(length) + 1
            }
        }
        return place < octets.count ? found : nil
    }
}
