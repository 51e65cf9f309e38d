/// Why a request had no usable answer.
package enum APIFailure: Error, Equatable, CustomStringConvertible {
    /// No connection, or it broke: what the transport says.
    case unreachable(String)
    /// What did not come in time.
    case timedOut(String)
    /// The server's certificate, ours, or the token cannot be used.
    case credentials(CredentialsError)
    /// The body is larger than the limit, in octets.
    case tooLarge(limit: Int)
    case cancelled

    package var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .timedOut(let what): "no \(what) in time"
        case .credentials(let error): error.description
        case .tooLarge(let limit): "the answer is larger than \(limit) octets"
        case .cancelled: "cancelled"
        }
    }
}
