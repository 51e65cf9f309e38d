package import DNSWire

/// What the handlers behind one handler say to a question of that handler's own.
///
/// Valid until the handler returns.
package struct InnerResponse {
    /// The whole response, header included.
    package let message: ByteView
    package let code: ResponseCode
    package let extendedError: ExtendedError?
    let extendedErrorText: [UInt8]?
    package let isAuthoritative: Bool
    /// True when upstreams vouched for it (RFC 4035 §3.2.3).
    package let authenticData: Bool
    /// Where the question section ends, in octets from the start of the message.
    package let questionEnd: Int
    package let answers: UInt16
    package let authorities: UInt16
    package let additionals: UInt16
    let answeredBy: String
    let failure: String?

    init(_ exchange: borrowing Exchange, _ message: ByteView) {
        self.message = message
        code = exchange.response.code
        extendedError = exchange.response.extendedError
        extendedErrorText = exchange.response.extendedErrorText
        isAuthoritative = exchange.isAuthoritative
        authenticData = exchange.response.flags & HeaderFlag.authenticData != 0
        questionEnd = exchange.asked.questionEnd
        answers = exchange.response.answers
        authorities = exchange.response.authorities
        additionals = exchange.response.additionals
        answeredBy = exchange.answeredBy
        failure = exchange.failure
    }

    /// Records of all three sections, one behind the other.
    package var records: InnerRecords {
        InnerRecords(MessageReader(message, at: questionEnd), Int(answers), Int(authorities), Int(additionals))
    }
}

/// The records of an inner response; the walk ends at the first that cannot be read.
package struct InnerRecords: Sequence, IteratorProtocol {
    private var reader: MessageReader
    private var left: [Int]

    fileprivate init(_ reader: MessageReader, _ counts: Int...) {
        self.reader = reader
        left = counts
    }

    package mutating func next() -> (record: RecordPlace, section: Section)? {
        guard let place = left.firstIndex(where: { $0 > 0 }), let section = Section(rawValue: place),
            let record = try? reader.next()
        else { return nil }
        left[place] -= 1
        return (record, section)
    }
}

extension Exchange {
    /// Takes over code, reason and standing of `response`, without its records.
    package mutating func adopt(_ response: InnerResponse) {
        self.response.code = response.code
        self.response.extendedError = response.extendedError
        self.response.extendedErrorText = response.extendedErrorText
        if response.authenticData { self.response.flags |= HeaderFlag.authenticData }
        if response.isAuthoritative { isAuthoritative = true }
        failure = response.failure
        if !response.answeredBy.isEmpty { (answeredBy, isAdopted) = (response.answeredBy, true) }
    }

    /// Appends a record of `response`; TC is set when one of the answer does not fit (RFC 2181 §9).
    ///
    /// - Returns: false when it did not fit or is malformed.
    @discardableResult
    package mutating func copy(
        _ record: RecordPlace, of response: InnerResponse, ttl: UInt32, in section: Section,
        _ change: (any NameChange)? = nil
    ) -> Bool {
        guard RecordCopier.copy(
            record, of: response.message, ttl: ttl, scratch: nameScratch, to: &self.response, in: section, change)
        else {
            if section == .answer { self.response.truncate() }
            return false
        }
        return true
    }

    /// Appends `address` to the answer with the owner of `record`; TC is set when it does not fit.
    package mutating func append(_ address: IPAddress, as record: RecordPlace, of response: InnerResponse, ttl: UInt32) {
        guard let length = try? MessageReader.expandName(response.message, at: record.nameOffset, into: nameScratch)
        else { return }
        self.response.beginRecord(
            owner: nameScratch.view(length), type: address.isIPv4 ? .a : .aaaa, class: record.class, ttl: ttl)
        withBytes(address.octets) { self.response.write($0) }
        if !self.response.endRecord(in: .answer) { self.response.truncate() }
    }
}
