import Foundation

/// The client configuration a lab writes: one cluster, its administrator, inline data.
struct Kubeconfig: Sendable {
    let server: String
    let authorityPEM: String
    let token: String

    var text: String {
        """
        apiVersion: v1
        kind: Config
        current-context: lab
        clusters:
        - name: lab
          cluster:
            server: \(server)
            certificate-authority-data: \(Data(authorityPEM.utf8).base64EncodedString())
        contexts:
        - name: lab
          context:
            cluster: lab
            user: lab-admin
            namespace: default
        users:
        - name: lab-admin
          user:
            token: \(token)

        """
    }

    /// Replaces the file in one step, readable by its owner only.
    func write(to path: String) throws {
        let url = URL(fileURLWithPath: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        let draft = path + ".new"
        guard
            FileManager.default.createFile(
                atPath: draft, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw LabError.cannotWrite(path) }
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
        try FileManager.default.moveItem(atPath: draft, toPath: path)
    }
}

/// Why a lab cannot start.
package enum LabError: Error, Sendable, CustomStringConvertible {
    case cannotWrite(String)
    case cannotRead(String, why: String)
    case badOption(String, found: String, expected: String)
    case notServing(String)
    case cannotIssue(String)

    package var description: String {
        switch self {
        case .cannotWrite(let path): "\(path): cannot be written"
        case .cannotRead(let path, let why): "\(path): cannot be read: \(why)"
        case .badOption(let option, let found, let expected): "\(option): found \(found), expected \(expected)"
        case .cannotIssue(let what): "libcrypto does not give \(what)"
        case .notServing(let why): "the embedded cluster does not serve: \(why)"
        }
    }
}
