extension MessageWriter {
    /// Appends a record that was read from text; its owner is compressed, names in its data are not.
    ///
    /// - Parameters:
    ///   - place: where the owner's name stands in this message already, if it does.
    ///   - ttl: for a record that says none.
    /// - Returns: false, and nothing written, when it does not fit.
    package mutating func append(
        _ record: RecordText, at place: Int? = nil, ttl: UInt32 = 3600, in section: Section
    ) -> Bool {
        if let place, record.class == RecordClass.internet {
            beginRecord(owner: place, type: record.type, ttl: record.ttl ?? ttl)
        } else {
            withBytes(record.owner) {
                beginRecord(owner: $0, type: record.type, class: record.class, ttl: record.ttl ?? ttl)
            }
        }
        withBytes(record.data) { write($0) }
        return endRecord(in: section)
    }
}
