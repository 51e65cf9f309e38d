import Testing

/// What a rule does not hold for, and why: exactly this, so that an exception goes when its reason does.
struct Exceptions: ExpressibleByDictionaryLiteral {
    private let reasons: [String: String]

    init(dictionaryLiteral elements: (String, String)...) { reasons = Dictionary(uniqueKeysWithValues: elements) }

    /// - Parameter found: everything that breaks the rule.
    func expectExactly(_ found: some Sequence<String>, _ rule: String) {
        let found = Set(found)
        #expect(found.subtracting(reasons.keys).sorted() == [], "\(rule)")
        #expect(Set(reasons.keys).subtracting(found).sorted() == [], "exceptions that nothing needs: \(rule)")
    }
}
