/// Appends a response into lent octets, never past its size limit.
///
/// Names of owners are pointers wherever the caller knows a place in the message; whatever does not fit is rolled
/// back whole, record by record.
package struct MessageWriter: ~Copyable {
    @usableFromInline private(set) var output: OutputBytes
    /// Octets written so far.
    package internal(set) var count = 0
    /// Octets that header and sections may take; room for OPT is already set aside.
    package internal(set) var limit = 0
    package private(set) var answers: UInt16 = 0
    package private(set) var authorities: UInt16 = 0
    package private(set) var additionals: UInt16 = 0
    /// Header bits beyond QR, opcode, RD and TC, which the writer sets itself.
    package var flags: UInt16 = 0
    package var code = ResponseCode.noError
    package var extendedError: ExtendedError?
    /// The UDP payload size that OPT announces, in octets.
    var announcedSize = payloadSize
    /// Whole options for OPT, beside that of the extended error.
    package internal(set) var options: [UInt8] = []
    package private(set) var isTruncated = false
    /// Offset of the end of all records but OPT; 0 until `finish`.
    package private(set) var recordsEnd = 0
    private var overflowed = false
    private var recordStart = 0
    private var dataStart = 0
    var nameStarts = InlineArray<24, UInt16>(repeating: 0)
    var nameStartCount = 0
    /// Labels looked at so far to find names that are written already.
    package internal(set) var labelsCompared = 0

    /// The UDP payload size this server announces and never exceeds (RFC 9715).
    package static let payloadSize = 1232
    /// Octets of an OPT record without options.
    static let optLength = 11

    package init(_ output: OutputBytes) { self.output = output }

    /// Starts the response to `query`: header and, when it was readable, the question as sent.
    ///
    /// - Parameter size: the most octets the transport and the client allow.
    package mutating func begin(_ message: ByteView, _ query: Query, size: Int) {
        flags = 0
        code = .noError
        extendedError = nil
        announcedSize = Self.payloadSize
        options = []
        isTruncated = false
        overflowed = false
        (answers, authorities, additionals) = (0, 0, 0)
        nameStartCount = 0
        labelsCompared = 0
        limit = min(size, output.capacity)
        if query.edns != nil { limit -= Self.optLength }
        if query.questionEnd > 12 {
            output.copy(message.slice(0, query.questionEnd), to: 0)
            count = query.questionEnd
            nameStarts[0] = 12
            nameStartCount = 1
        } else {
            output.store(query.id, at: 0)
            count = 12
        }
    }

    /// Goes on with this response in other memory, which must have room for all that is written.
    package mutating func move(to output: OutputBytes) {
        output.copy(written, to: 0)
        self.output = output
    }

    /// Completes header and OPT; gives the length of the message in octets.
    package mutating func finish(_ query: Query) -> Int {
        var head = HeaderFlag.response | flags | (query.flags & HeaderFlag.opcodeMask) | (code.rawValue & 0xF)
        head |= query.flags & HeaderFlag.recursionDesired
        if isTruncated { head |= HeaderFlag.truncated }
        output.store(query.id, at: 0)
        output.store(head, at: 2)
        output.store(UInt16(query.questionEnd > 12 ? 1 : 0), at: 4)
        output.store(answers, at: 6)
        output.store(authorities, at: 8)
        var more = additionals
        recordsEnd = count
        if let edns = query.edns {
            more += 1
            appendOPT(edns)
        }
        output.store(more, at: 10)
        return count
    }

    /// Appends a whole record behind everything else of a response that is complete; gives the length.
    package mutating func appendLast(_ record: ByteView) -> Int {
        guard recordsEnd > 0, count + record.count <= output.capacity else { return count }
        output.copy(record, to: count)
        count += record.count
        output.store(written.uint16(at: 10) &+ 1, at: 10)
        return count
    }

    /// Lets header and sections take no more octets than this; never raises the limit.
    package mutating func limit(to octets: Int) { limit = min(limit, octets) }

    /// What has been written, for reading back.
    package var written: ByteView { output.view(count) }

    /// The records written so far.
    ///
    /// - Parameter start: offset of the end of the question section.
    package func records(at start: Int) -> MessageRecords {
        MessageRecords(written, at: start, answers: answers, authorities: authorities, additionals: additionals)
    }

    /// Says that not all of the answer is there (RFC 2181 §9).
    package mutating func truncate() { isTruncated = true }

    /// Sets or clears a bit of the header of a response that is complete.
    package mutating func setHeaderBit(_ bit: UInt16, _ isSet: Bool) {
        guard recordsEnd > 0 else { return }
        let flags = written.uint16(at: 2)
        output.store(isSet ? flags | bit : flags & ~bit, at: 2)
    }

    /// Drops authority and additional records of a positive answer.
    package mutating func keepOnlyAnswers(_ query: Query) {
        guard code == .noError, answers > 0, Int(authorities) + Int(additionals) > 0 else { return }
        let records = records(at: query.questionEnd)
        guard let first = records.first(where: { $0.section != .answer }) else { return }
        count = first.record.nameOffset
        (authorities, additionals) = (0, 0)
    }

    /// Drops every record; header bits and question stay.
    package mutating func removeRecords(_ query: Query) {
        count = max(query.questionEnd, 12)
        (answers, authorities, additionals) = (0, 0, 0)
        nameStartCount = query.questionEnd > 12 ? 1 : 0
        isTruncated = false
    }

    // MARK: - Records of known layout

    /// Appends address records of one owner, four or sixteen octets each, starting at the record `rotation`.
    ///
    /// - Parameters:
    ///   - owner: where the owner's name stands in this message.
    ///   - addresses: octets of all addresses one behind the other, network order.
    /// - Returns: false when not all of them fit.
    package mutating func appendAddresses(
        owner: Int, type: RecordType, ttl: UInt32, addresses: ByteView, rotation: Int, in section: Section
    ) -> Bool {
        let size = type == .a ? 4 : 16
        let total = addresses.count / size
        guard total > 0 else { return true }
        var index = rotation % total
        for _ in 0..<total {
            guard
                appendRecord(owner: owner, type: type, ttl: ttl, data: addresses.slice(index * size, size), in: section)
            else { return false }
            index += 1
            if index == total { index = 0 }
        }
        return true
    }

    /// Appends one record whose data holds no compressible name.
    ///
    /// - Returns: false, and nothing written, when it does not fit.
    @discardableResult
    package mutating func appendRecord(
        owner: Int, type: RecordType, ttl: UInt32, data: ByteView, in section: Section
    ) -> Bool {
        guard count + 12 + data.count <= limit, owner < 0x4000 else { return false }
        let place = count
        output.store(UInt16(0xC000) | UInt16(truncatingIfNeeded: owner), at: place)
        output.store(type.rawValue, at: place + 2)
        output.store(RecordClass.internet, at: place + 4)
        output.store(ttl, at: place + 6)
        output.store(UInt16(truncatingIfNeeded: data.count), at: place + 10)
        output.copy(data, to: place + 12)
        count = place + 12 + data.count
        add(to: section)
        return true
    }

    // MARK: - Records in parts

    /// Starts a record; follow with `write` calls and `endRecord`.
    package mutating func beginRecord(owner: Int, type: RecordType, ttl: UInt32) {
        startRecord()
        writePointer(to: owner)
        writeFixed(type, RecordClass.internet, ttl)
    }

    /// Starts a record whose owner is what `writeOwner` writes.
    package mutating func beginRecord(type: RecordType, ttl: UInt32, writeOwner: (inout MessageWriter) -> Void) {
        startRecord()
        writeOwner(&self)
        writeFixed(type, RecordClass.internet, ttl)
    }

    /// Starts a record whose owner is given in full; it is compressed against the names already written.
    package mutating func beginRecord(owner: ByteView, type: RecordType, class: UInt16, ttl: UInt32) {
        startRecord()
        writeName(owner)
        writeFixed(type, `class`, ttl)
    }

    private mutating func startRecord() {
        recordStart = count
        overflowed = false
    }

    private mutating func writeFixed(_ type: RecordType, _ class: UInt16, _ ttl: UInt32) {
        write(type.rawValue)
        write(`class`)
        write(UInt16(truncatingIfNeeded: ttl >> 16))
        write(UInt16(truncatingIfNeeded: ttl))
        write(UInt16(0))
        dataStart = count
    }

    /// Completes the record begun last; false, and nothing of it kept, when it did not fit.
    package mutating func endRecord(in section: Section) -> Bool {
        guard !overflowed, count - dataStart <= 0xFFFF else {
            count = recordStart
            while nameStartCount > 0, Int(nameStarts[nameStartCount - 1]) >= recordStart { nameStartCount -= 1 }
            overflowed = false
            return false
        }
        output.store(UInt16(count - dataStart), at: dataStart - 2)
        add(to: section)
        return true
    }

    /// Appends a CNAME of the name that stands at `owner`; gives where its target stands, uncompressed.
    ///
    /// - Returns: nil, and TC set, when it does not fit.
    @discardableResult
    package mutating func writeCNAME(owner: Int, ttl: UInt32, target: ByteView) -> Int? {
        beginRecord(owner: owner, type: .cname, ttl: ttl)
        return endCNAME(target)
    }

    /// As above, of an owner given in full.
    @discardableResult
    package mutating func writeCNAME(owner: ByteView, class: UInt16, ttl: UInt32, target: ByteView) -> Int? {
        beginRecord(owner: owner, type: .cname, class: `class`, ttl: ttl)
        return endCNAME(target)
    }

    private mutating func endCNAME(_ target: ByteView) -> Int? {
        let offset = count
        write(target)
        guard endRecord(in: .answer) else {
            truncate()
            return nil
        }
        return offset
    }

    package mutating func write(_ octets: ByteView) {
        guard fits(octets.count) else { return }
        output.copy(octets, to: count)
        count += octets.count
    }

    package mutating func write(_ value: UInt16) {
        guard fits(2) else { return }
        output.store(value, at: count)
        count += 2
    }

    package mutating func write(_ value: UInt32) {
        write(UInt16(truncatingIfNeeded: value >> 16))
        write(UInt16(truncatingIfNeeded: value))
    }

    package mutating func write(_ value: UInt8) {
        guard fits(1) else { return }
        output.store(value, at: count)
        count += 1
    }

    /// Writes a pointer to a name earlier in the message.
    package mutating func writePointer(to offset: Int) {
        guard offset < 0x4000 else {
            overflowed = true
            return
        }
        write(UInt16(0xC000) | UInt16(truncatingIfNeeded: offset))
    }

    /// Makes `endRecord` drop the record begun last.
    package mutating func abandonRecord() { overflowed = true }

    /// Appends records that were laid out for this very question; false, and nothing written, when they do not fit.
    package mutating func appendBody(
        _ body: ByteView, answers: UInt16, authorities: UInt16, additionals: UInt16 = 0
    ) -> Bool {
        guard count + body.count <= limit else { return false }
        output.copy(body, to: count)
        count += body.count
        self.answers &+= answers
        self.authorities &+= authorities
        self.additionals &+= additionals
        return true
    }

    /// Replaces four octets already written.
    package mutating func overwrite(_ value: UInt32, at offset: Int) {
        guard offset >= 12, offset + 4 <= count else { return }
        output.store(value, at: offset)
    }

    /// Replaces octets already written.
    package mutating func overwrite(_ octets: ByteView, at offset: Int) {
        guard offset >= 12, offset + octets.count <= count else { return }
        output.copy(octets, to: offset)
    }

    private mutating func fits(_ size: Int) -> Bool {
        if overflowed || count + size > limit {
            overflowed = true
            return false
        }
        return true
    }

    private mutating func add(to section: Section) {
        switch section {
        case .answer: answers &+= 1
        case .authority: authorities &+= 1
        case .additional: additionals &+= 1
        }
    }
}
