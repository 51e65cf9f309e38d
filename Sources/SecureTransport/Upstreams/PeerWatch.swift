import DNSServer
import DNSWire
import NIOCore
import NIOSSL
import NIOTLS

/// How a session stands with its peer, by what its handlers say.
struct PeerWatch {
    private let target: UpstreamTarget
    private let wantedProtocol: String?
    private(set) var isEstablished: Bool
    /// True once anything came from behind the handshake.
    private var hasSpoken = false
    private(set) var end: UpstreamSessionEnd?

    /// - Parameters:
    ///   - isEncrypted: whether there is a handshake.
    ///   - wantedProtocol: what has to be agreed on by ALPN (RFC 7301).
    init(_ target: UpstreamTarget, isEncrypted: Bool, wantedProtocol: String? = nil) {
        self.target = target
        self.wantedProtocol = wantedProtocol
        isEstablished = !isEncrypted
    }

    mutating func heard(_ event: Any) {
        guard let event = event as? TLSUserEvent, case .handshakeCompleted(let agreed) = event else { return }
        isEstablished = true
        guard let wantedProtocol, agreed != wantedProtocol else { return }
        finish(UpstreamSessionEnd("tls: upstream does not speak \(wantedProtocol)", isRejection: true))
    }

    mutating func spoke() { hasSpoken = true }

    mutating func failed(_ error: any Error) {
        // Some peers end a connection without saying so within TLS.
        if case .uncleanShutdown? = error as? NIOSSLError { return closed() }
        // With TLS 1.3 a peer judges our certificate when the handshake is over for us (RFC 8446 §4.4.2.4).
        finish(UpstreamSessionEnd(reason(error), isRejection: !hasSpoken))
    }

    mutating func closed() { finish(UpstreamSessionEnd("EOF")) }

    mutating func finish(_ end: UpstreamSessionEnd) {
        if self.end == nil { self.end = end }
    }

    private func reason(_ error: any Error) -> String {
        if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
            return "tls: certificate is not for \(target.serverName ?? target.address.address.description)"
        }
        if let error = error as? BoringSSLError { return "tls: \(Self.short(error))" }
        switch error as? NIOSSLError {
        case .handshakeFailed(let cause)? where "\(cause)".contains("CERTIFICATE_VERIFY_FAILED"):
            return "tls: certificate is not of a trusted authority, or not valid now"
        case .handshakeFailed(let cause)?: return "tls: handshake failed: \(Self.short(cause))"
        case .unableToValidateCertificate?, .noCertificateToValidate?: return "tls: no certificate to judge by"
        case let error?: return "tls: \(error)"
        case nil: return "\(type(of: error))"
        }
    }

    /// Of BoringSSL's `error:1000042e:SSL routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION`, the end.
    private static func short(_ cause: BoringSSLError) -> String {
        guard case .sslError(let stack) = cause, let first = stack.first else { return "\(cause)" }
        let parts = "\(first)".split(separator: ":")
        let name = parts.drop { $0 != "OPENSSL_internal" }.dropFirst().first
        return name?.split(separator: " ").first.map(String.init) ?? "\(first)"
    }
}
