/// One `edns0` rule: what it makes of one option of the query.
struct OptionRule: Sendable {
    enum Action: String, Sendable, CaseIterable {
        /// Replaces the option, or adds it.
        case set
        /// Adds it where there is none.
        case append
        /// Replaces it where there is one.
        case replace
        /// Removes it.
        case unset
    }

    enum Value: Sendable {
        case octets([UInt8])
        case property(QueryProperty)
        /// The client's address, cut to so many bits (RFC 7871 §6).
        case subnet(v4: Int, v6: Int)
    }

    /// What a query tells about itself, in the words of the Corefile.
    enum QueryProperty: Sendable, Equatable {
        case name
        case type
        case clientAddress
        case clientPort
        case transport
        case serverAddress
        case serverPort
        /// What a plugin knows about the question, by `metadata`.
        case label(String)
    }

    let action: Action
    let code: UInt16
    let value: Value
    /// Clients are not shown the option.
    let reverts: Bool

    /// Codes of the options with a word of their own (RFC 5001 §2.3, RFC 7871 §6).
    static let nsid: UInt16 = 3
    static let subnet: UInt16 = 8
}
