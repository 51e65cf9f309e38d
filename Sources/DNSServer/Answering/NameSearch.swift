package import DNSWire

/// A search for a name that exists, begun by a handler that answered `tentative`.
package struct NameSearch: BitwiseCopyable {
    /// Where that handler stands in the block of the client's question.
    let position: Int
    /// How many other names were considered so far, in the handler's own counting; 0 while the client's is asked.
    package var considered = 0
    /// True while the name considered last is asked for another type than the client's.
    package var asksOtherType = false

    init(position: Int) { self.position = position }
}

extension Exchange {
    /// True when nothing is at the name asked last, neither records nor an alias.
    package var isNameMissing: Bool {
        response.code == .nameError && Int(response.answers) == (aliases > 0 ? 1 : 0)
    }

    /// True while a name is asked in place of the client's.
    var asksOtherName: Bool { (search?.considered ?? 0) > 0 && aliases == 1 }

    /// Asks for another name in place of the client's, which becomes an alias of it.
    ///
    /// - Parameters:
    ///   - labels: the name's first labels in wire form, without a root.
    ///   - suffix: the rest of it, to the root.
    /// - Returns: false when that is no name or has no room; what was written before may be gone then.
    package mutating func askInstead(_ labels: ByteView, _ suffix: ByteView) -> Bool {
        guard labels.count + suffix.count <= 255 else { return false }
        askAnew()
        // The lifetime is known with the records that the alias leads to.
        response.beginRecord(owner: 12, type: .cname, ttl: 0)
        let target = response.count
        response.write(labels)
        response.write(suffix)
        return response.endRecord(in: .answer) && follow(targetAt: target)
    }

    /// Makes the client's own question the current one again, with nothing answered yet.
    package mutating func askAnew() {
        response.removeRecords(asked)
        response.code = .noError
        response.extendedError = nil
        response.extendedErrorText = nil
        failure = nil
        aliases = 0
        isMissing = false
        question = Question(
            name: asked.name, folded: asked.folded, type: asked.type, class: asked.class, nameOffset: 12)
    }

    /// Ends the search with what was found: the alias that `askInstead` wrote lives as long as the records behind it.
    package mutating func keepOtherName() {
        search = nil
        var reader = MessageReader(response.written, at: asked.questionEnd)
        guard aliases > 0, let alias = try? reader.next(), let behind = try? reader.next() else { return }
        response.overwrite(behind.ttl, at: alias.dataOffset - 6)
    }
}
