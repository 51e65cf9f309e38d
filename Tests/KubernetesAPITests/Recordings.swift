import FoundationEssentials

@testable import KubernetesAPI

/// The bytes that a real API server answered (kube-apiserver 1.36), as recorded in `Tests/Fixtures`.
enum Recordings {
    static let folder: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(2)
        return parts.joined(separator: "/") + "/Fixtures/apiserver-recordings/"
    }()

    static func bytes(_ name: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: folder + name) else { throw Missing(name: name) }
        return Array(data)
    }

    struct Missing: Error { let name: String }

    static func encoding(of name: String) -> WireEncoding { name.hasSuffix(".pb") ? .protobuf : .json }
}

/// Cuts bytes into chunks as a network would.
func chunks(_ bytes: [UInt8], of size: Int) -> [ArraySlice<UInt8>] {
    stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }
}

func splitList(_ bytes: [UInt8], _ encoding: WireEncoding, chunk: Int = .max) throws -> [ListPiece] {
    var splitter = ListSplitter(encoding)
    var pieces: [ListPiece] = []
    for part in chunks(bytes, of: min(chunk, max(bytes.count, 1))) { pieces += try splitter.feed(part) }
    try splitter.finish()
    return pieces
}

func splitWatch(_ bytes: [UInt8], _ encoding: WireEncoding, chunk: Int = .max) throws -> [WatchMessage] {
    var splitter = WatchSplitter(encoding)
    var messages: [WatchMessage] = []
    for part in chunks(bytes, of: min(chunk, max(bytes.count, 1))) { messages += try splitter.feed(part) }
    try splitter.finish()
    return messages
}

/// "8a 00" as octets.
func hex(_ text: String) -> [UInt8] { text.split(separator: " ").compactMap { UInt8($0, radix: 16) } }
