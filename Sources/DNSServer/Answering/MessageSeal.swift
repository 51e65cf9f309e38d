package import DNSWire

/// Appends to each finished message of an answer what must stand last in it, such as a signature; lives on one loop.
package protocol MessageSeal: AnyObject {
    /// The most octets it appends to a message.
    var size: Int { get }

    /// Appends to a response that is complete otherwise; gives its length.
    func close(_ response: inout MessageWriter) -> Int
}

/// Further messages of an answer that has a seal.
final class SealedSource: MessageSource {
    private let source: any MessageSource
    let seal: (any MessageSeal)?

    init(_ source: any MessageSource, _ seal: any MessageSeal) {
        self.source = source
        self.seal = seal
    }

    func fill(_ response: inout MessageWriter) -> Bool { source.fill(&response) }
}
