/// The number that a response has from its query (RFC 1035 §4.1.1).
package enum MessageID {
    /// One that nobody can guess (RFC 5452 §9.2).
    package static func random() -> UInt16 {
        var generator = SystemRandomNumberGenerator()
        return UInt16.random(in: 0 ... .max, using: &generator)
    }
}
