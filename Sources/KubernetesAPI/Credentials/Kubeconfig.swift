internal import FoundationEssentials
internal import Yams

/// A kubeconfig file: clusters, users, and contexts that pair them (client-go `clientcmd`).
package struct Kubeconfig {
    private let path: String
    /// Relative paths in the file start here.
    private let folder: String
    private let root: Node

    /// Reads one context of a file.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - context: nil for the file's `current-context`.
    package static func endpoint(path: String, context: String? = nil) throws(CredentialsError) -> APIEndpoint {
        let bytes = try SmallFile.read(path, expecting: "a kubeconfig file")
        return try Kubeconfig(text: String(decoding: bytes, as: UTF8.self), path: path).endpoint(context: context)
    }

    package init(text: String, path: String) throws(CredentialsError) {
        self.path = path
        let slash = path.lastIndex(of: "/")
        folder = slash.map { String(path[..<$0]) } ?? "."
        root = try YAMLSettings.root(text, of: path, expecting: "a kubeconfig with clusters, users and contexts")
    }

    package func endpoint(context: String? = nil) throws(CredentialsError) -> APIEndpoint {
        var named = context
        if named == nil { named = try text(root, "current-context", at: "current-context") }
        guard let chosen = named else {
            throw CredentialsError(in: path, key: "current-context", found: "nothing", expected: names(of: "contexts"))
        }
        let contextPlace = "contexts[\(chosen)]"
        let pair = try entry(
            chosen, in: "contexts", holding: "context", namedBy: context == nil ? "current-context" : "context")
        let clusterName = try required(pair, "cluster", at: contextPlace, expected: names(of: "clusters"))
        let cluster = try entry(clusterName, in: "clusters", holding: "cluster", namedBy: contextPlace + ".cluster")
        var endpoint = try readCluster(cluster, at: "clusters[\(clusterName)]")
        // Credentials are sent over TLS only, as every Kubernetes client does.
        if endpoint.isEncrypted, let userName = try text(pair, "user", at: contextPlace + ".user") {
            let user = try entry(userName, in: "users", holding: "user", namedBy: contextPlace + ".user")
            try readUser(user, at: "users[\(userName)]", into: &endpoint)
        }
        return endpoint
    }

    // MARK: Clusters and users

    private func readCluster(_ cluster: Node, at place: String) throws(CredentialsError) -> APIEndpoint {
        let server = try required(cluster, "server", at: place, expected: "https://host[:port][/path]")
        var endpoint = try APIEndpoint(url: server, in: path, key: place + ".server")
        endpoint.tlsServerName = try text(cluster, "tls-server-name", at: place + ".tls-server-name")
        if let proxy = try text(cluster, "proxy-url", at: place + ".proxy-url") {
            throw CredentialsError(
                in: path, key: place + ".proxy-url", found: "\"\(proxy.prefix { $0 != "@" })\"",
                expected: "no proxy: it is not supported")
        }
        let authorities = try material(cluster, "certificate-authority", at: place, expecting: "PEM certificates")
        let insecure = try flag(cluster, "insecure-skip-tls-verify", at: place)
        guard !(insecure && authorities != nil) else {
            throw CredentialsError(
                in: path, key: place + ".insecure-skip-tls-verify", found: "true together with a certificate authority",
                expected: "one of the two")
        }
        endpoint.trust = insecure ? .anyone : authorities.map { .authorities($0) } ?? .system
        return endpoint
    }

    private func readUser(_ user: Node, at place: String, into endpoint: inout APIEndpoint) throws(CredentialsError) {
        for unsupported in ["exec", "auth-provider", "username", "as"] where present(user, unsupported) != nil {
            throw CredentialsError(
                in: path, key: "\(place).\(unsupported)", found: "a way to log in that is not supported",
                expected: "token, tokenFile, or client-certificate with client-key")
        }
        // client-go: the file wins over the token once it can be read.
        if let file = try text(user, "tokenFile", at: place + ".tokenFile") {
            endpoint.token = .file(resolve(file))
        } else if let token = try text(user, "token", at: place + ".token") {
            guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw CredentialsError(
                    in: path, key: place + ".token", found: "characters that no token has", expected: "a bearer token")
            }
            endpoint.token = .fixed(Secret(token))
        }
        let chain = try material(user, "client-certificate", at: place, expecting: "a PEM certificate")
        let key = try material(user, "client-key", at: place, expecting: "a PEM private key")
        switch (chain, key) {
        case (nil, nil): break
        case (let chain?, let key?): endpoint.clientCertificate = .init(chain: chain, key: key)
        case (_?, nil):
            throw CredentialsError(
                in: path, key: place + ".client-key", found: "nothing", expected: "the key of the client-certificate")
        case (nil, _?):
            throw CredentialsError(
                in: path, key: place + ".client-certificate", found: "nothing",
                expected: "the certificate of the client-key")
        }
    }

    /// `name-data` (base64) or, when absent, the file `name`.
    private func material(
        _ node: Node, _ name: String, at place: String, expecting expected: String
    ) throws(CredentialsError) -> APIEndpoint.Material? {
        let dataKey = "\(place).\(name)-data"
        if let encoded = try text(node, name + "-data", at: dataKey) {
            guard let bytes = Data(base64Encoded: encoded, options: .ignoreUnknownCharacters), !bytes.isEmpty else {
                throw CredentialsError(
                    in: path, key: dataKey, found: "text that is not base64", expected: "\(expected) in base64")
            }
            return .given(Array(bytes))
        }
        return try text(node, name, at: "\(place).\(name)").map { .file(resolve($0)) }
    }

    private func resolve(_ file: String) -> String { file.hasPrefix("/") ? file : "\(folder)/\(file)" }

    // MARK: Looking things up

    private func entry(
        _ name: String, in list: String, holding key: String, namedBy place: String
    ) throws(CredentialsError) -> Node {
        guard let found = entries(of: list).first(where: { $0["name"]?.string == name }) else {
            throw CredentialsError(in: path, key: place, found: "\"\(name)\"", expected: names(of: list))
        }
        guard let inner = found[key], inner.mapping != nil else {
            throw CredentialsError(in: path, key: "\(list)[\(name)].\(key)", found: "nothing", expected: "keys")
        }
        return inner
    }

    private func entries(of list: String) -> [Node] {
        guard case .sequence(let sequence)? = root[list] else { return [] }
        return sequence.filter { $0.mapping != nil }
    }

    private func names(of list: String) -> String {
        let names = entries(of: list).compactMap { $0["name"]?.string }
        return names.isEmpty ? "entries under \(list)" : "one of \(list): \(names.prefix(20).joined(separator: ", "))"
    }

    /// The value at `key`; nil when absent, empty or null.
    private func present(_ node: Node, _ key: String) -> Node? {
        guard let value = node[key] else { return nil }
        return value.scalar == nil || value.text != nil ? value : nil
    }

    private func text(_ node: Node, _ key: String, at place: String) throws(CredentialsError) -> String? {
        guard let value = present(node, key) else { return nil }
        guard case .scalar(let scalar) = value else {
            throw CredentialsError(in: path, key: place, found: "a list or keys", expected: "text")
        }
        return scalar.string
    }

    private func required(
        _ node: Node, _ key: String, at place: String, expected: String
    ) throws(CredentialsError) -> String {
        guard let value = try text(node, key, at: "\(place).\(key)") else {
            throw CredentialsError(in: path, key: "\(place).\(key)", found: "nothing", expected: expected)
        }
        return value
    }

    private func flag(_ node: Node, _ key: String, at place: String) throws(CredentialsError) -> Bool {
        switch try text(node, key, at: "\(place).\(key)")?.lowercased() {
        case nil, "false": return false
        case "true": return true
        case let other?:
            throw CredentialsError(in: path, key: "\(place).\(key)", found: "\"\(other)\"", expected: "true or false")
        }
    }
}
