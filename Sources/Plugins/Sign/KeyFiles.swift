import Corefile
import DNSServer
import DNSWire
import ZoneData

/// The two files of a key, read once; signing keys are made of them where they are needed.
struct KeyFiles: Sendable {
    /// Without the ending of either file.
    let name: String
    private let publicText: String
    private let privateText: String
    let owner: Name
    let tag: UInt16
    /// Data of the DNSKEY record, which is the key whatever its files are called.
    private let data: [UInt8]
    let signsKeys: Bool

    /// Reads `NAME.key` and `NAME.private`; either ending may be there or not.
    init(_ path: String, _ files: FileAccess) throws(ZoneContentError) {
        var name = path[...]
        for ending in [".key", ".private"] where name.hasSuffix(ending) { name = name.dropLast(ending.count) }
        self.name = String(name)
        var texts: [String] = []
        for ending in [".key", ".private"] {
            do { texts.append(try files.read(name + ending)) } catch {
                throw ZoneContentError("\(name)\(ending), which cannot be read: \(error)")
            }
        }
        (publicText, privateText) = (texts[0], texts[1])
        let key: SigningKey
        do throws(ZoneContentError) { key = try SigningKey(texts[0], texts[1]) } catch {
            throw ZoneContentError("\(name): \(error)")
        }
        guard key.isZoneKey else { throw ZoneContentError("\(name): a key that is none of a zone") }
        (owner, tag, signsKeys) = (key.owner, key.tag, key.signsKeys)
        data = key.record(of: owner, ttl: 0).data
    }

    /// The key for one thread.
    var signingKey: SigningKey? { try? SigningKey(publicText, privateText) }

    static let expected = "the files of a key, such as Kexample.org.+013+12345, as dnssec-keygen writes them"

    /// The keys without repetition: a key that is named twice signs once.
    static func once(_ keys: [KeyFiles]) -> [KeyFiles] {
        var seen: Set<[UInt8]> = []
        return keys.filter { seen.insert($0.data).inserted }
    }

    /// The keys that the arguments of `key file` name.
    static func read(_ line: Directive, _ files: FileAccess) throws(ConfigurationError) -> [KeyFiles] {
        var keys: [KeyFiles] = []
        for token in line.arguments.dropFirst() {
            do throws(ZoneContentError) { keys.append(try KeyFiles(token.text, files)) } catch {
                throw line.error(found: error.description, expected: expected, at: token.at)
            }
        }
        return keys
    }

    /// The keys of `zone` in a folder, by the names that dnssec-keygen gives them. Those in folders below it are none of
    /// them: retired ones, copies, and where Kubernetes keeps what the files of a mounted Secret are links to.
    static func read(folder: String, of zone: Name, _ files: FileAccess) throws(ZoneContentError) -> [KeyFiles] {
        guard let names = files.list(folder) else { throw ZoneContentError("\(folder), which is no folder") }
        var keys: [KeyFiles] = []
        for name in names.sorted() where name.hasSuffix(".key") && !name.contains("/") {
            guard name.hasPrefix("K"), let plus = name.firstIndex(of: "+"), Name(name.dropFirst()[..<plus]) == zone
            else { continue }
            keys.append(try KeyFiles("\(folder)/\(name)", files))
        }
        return keys
    }
}
