/// Where the API server is, how it proves who it is, and how we do.
package struct APIEndpoint: Sendable, Equatable {
    /// Bytes that are given or read again from a file when it changes.
    package enum Material: Sendable, Equatable {
        case file(String)
        /// PEM text.
        case given([UInt8])
    }

    package enum Trust: Sendable, Equatable {
        /// The certificate authorities of the system.
        case system
        /// Only these certificate authorities.
        case authorities(Material)
        /// Any certificate (`insecure-skip-tls-verify`).
        case anyone
    }

    package enum TokenSource: Sendable, Equatable {
        case none
        case fixed(Secret)
        /// Read again each minute: the kubelet replaces it before it expires.
        case file(String)
    }

    package struct ClientCertificate: Sendable, Equatable, CustomReflectable {
        package var chain: Material
        package var key: Material

        package init(chain: Material, key: Material) {
            self.chain = chain
            self.key = key
        }

        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    package private(set) var isEncrypted: Bool
    /// A name or address; an IPv6 address without brackets.
    package private(set) var host: String
    package private(set) var port: Int
    /// What comes before `/api`: empty, or a path that starts with a slash and ends without one.
    package private(set) var basePath: String

    /// The name in the server's certificate, when it is not `host`.
    package var tlsServerName: String?
    package var trust: Trust = .system
    package var token: TokenSource = .none
    package var clientCertificate: ClientCertificate?

    /// - Parameters:
    ///   - url: `https://host[:port][/path]`, or `http://` for an API server without encryption.
    ///   - source: the file or option the URL is from, for the error.
    package init(url: String, in source: String = "API server", key: String = "") throws(CredentialsError) {
        let refusal = CredentialsError(
            in: source, key: key, found: "\"\(url.prefix(200))\"", expected: "https://host[:port][/path]")
        let lowered = url.lowercased()
        let rest: Substring
        if lowered.hasPrefix("https://") {
            isEncrypted = true
            rest = url.dropFirst(8)
        } else if lowered.hasPrefix("http://") {
            isEncrypted = false
            rest = url.dropFirst(7)
        } else {
            throw refusal
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        var path = rest.dropFirst(authority.count)
        guard !path.contains("?"), !path.contains("#"), !authority.contains("@") else { throw refusal }
        while path.hasSuffix("/") { path = path.dropLast() }
        basePath = String(path)

        let portText: Substring
        if authority.hasPrefix("[") {
            let inside = authority.dropFirst().prefix { $0 != "]" }
            host = String(inside)
            portText = authority.dropFirst(inside.count + 2)
            guard authority.contains("]") else { throw refusal }
        } else {
            let name = authority.prefix { $0 != ":" }
            host = String(name)
            portText = authority.dropFirst(name.count)
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw refusal }
        if portText.isEmpty {
            port = isEncrypted ? 443 : 80
        } else {
            guard portText.hasPrefix(":"), let number = UInt16(portText.dropFirst()), number > 0 else { throw refusal }
            port = Int(number)
        }
    }

    /// `https://host:port/path`, for requests and logs.
    package var url: String { url(host: host) }

    func url(host: String) -> String {
        let shown = host.contains(":") ? "[\(host)]" : host
        return "\(isEncrypted ? "https" : "http")://\(shown):\(port)\(basePath)"
    }
}
