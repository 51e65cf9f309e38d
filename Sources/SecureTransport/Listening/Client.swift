import DNSServer

/// Who is at the other end of a connection.
struct Client: Sendable {
    let address: SecureEndpoint.Address
    /// False where nobody put TLS between.
    let isEncrypted: Bool
}
