import ArgumentParser
import Glibc

/// `cluster-dns lab`: another program, so that nothing of it is part of this one.
struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "Runs an embedded Kubernetes cluster: an API server with a small control plane.",
        discussion:
            "Starts cluster-dns-lab, which stands beside this program; `cluster-dns lab --help` lists its flags.",
        helpNames: [])

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws { try Self.start(["lab"] + arguments) }

    /// Becomes the lab's program with these arguments; returns only by throwing.
    static func start(_ arguments: [String]) throws {
        let program = try sibling("cluster-dns-lab")
        var words = unsafe ([program] + arguments).map { unsafe strdup($0) }
        unsafe words.append(nil)
        unsafe execv(program, words)
        Standard.error(
            "\(program): found \(unsafe String(cString: strerror(errno))), expected the program of the embedded cluster. "
                + "It is no part of the image: `make build` makes it, beside cluster-dns")
        throw ExitCode(1)
    }

    /// The path of a program in the folder of this one.
    private static func sibling(_ name: String) throws -> String {
        var octets = [CChar](repeating: 0, count: 4096)
        let length = unsafe readlink("/proc/self/exe", &octets, octets.count)
        guard length > 0 else {
            Standard.error("/proc/self/exe: found no link, expected the path of this program; start \(name) itself")
            throw ExitCode(1)
        }
        let path = String(decoding: octets.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex) + name
    }
}
