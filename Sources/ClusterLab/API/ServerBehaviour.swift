import Synchronization

/// What the server is told to do wrong, and whom it trusts.
final class ServerBehaviour: Sendable {
    private let state: Mutex<(faults: [LabFault], token: String)>

    init(token: String) { state = Mutex(([], token)) }

    /// The faults that last, in the order in which they were asked for.
    var faults: [LabFault] {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    func has(_ fault: LabFault) -> Bool { faults.contains(fault) }

    /// Whether versions are too old now, and whether that is told as the answer's status; nil when they are not.
    var expiry: Bool? {
        for case .expire410(let asStatus) in faults { return asStatus }
        return nil
    }

    /// Seconds before a list's answer begins.
    var listDelay: Double? {
        for case .slowList(let seconds) in faults { return seconds }
        return nil
    }

    func forbids(_ plural: String) -> Bool {
        faults.contains { $0 == .forbidden || $0 == .forbiddenResource(plural) }
    }

    /// The administrator's bearer token.
    var token: String {
        get { state.withLock { $0.token } }
        set { state.withLock { $0.token = newValue } }
    }

    /// A new random token of 256 bits.
    static func makeToken() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let word = String(random.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }.joined()
    }
}
