/// What is spoken with clients of a server block, or with an upstream.
package enum ServerScheme: String, Sendable, CaseIterable {
    case dns
    case tls
    case https
    case grpc
    case quic
    case https3

    package var defaultPort: Int {
        switch self {
        case .dns: 53
        case .tls, .quic: 853
        case .https, .grpc, .https3: 443
        }
    }

    /// Takes `scheme://` off the front; text with another scheme stays whole, as it may be a name.
    package static func split(_ text: String) -> (scheme: ServerScheme?, rest: String) {
        for scheme in allCases {
            let prefix = scheme.rawValue + "://"
            if text.utf8.starts(with: prefix.utf8) {
                return (scheme, String(Substring(text.utf8.dropFirst(prefix.utf8.count))))
            }
        }
        return (nil, text)
    }
}
