/// A number that is not a whole one of 64 bits, with its text.
package struct JSONReal: Sendable {
    /// As it was written.
    package let text: String
    package let value: Double

    package init(_ value: Double) {
        text = "\(value)"
        self.value = value
    }

    init(text: String) {
        self.text = text
        value = Double(text) ?? .infinity
    }

    /// As Go writes a float64; the text itself where no float64 holds it.
    var goText: String {
        guard value.isFinite else { return text }
        return Int64(exactly: value).map { String($0) } ?? "\(value)"
    }
}

extension JSONReal: Equatable {
    package static func == (left: JSONReal, right: JSONReal) -> Bool { left.value == right.value }
}
