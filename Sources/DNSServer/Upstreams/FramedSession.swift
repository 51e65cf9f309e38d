package import DNSWire

/// DNS over TCP as it is: each message behind its length (RFC 7766).
package final class FramedSession: UpstreamSession {
    private var incoming = MessageFraming()
    private var outgoing: [UInt8] = []

    package init() {}

    package var isEstablished: Bool { true }
    package var takesQueries: Bool { true }

    package func ask(_ query: [UInt8]) { MessageFraming.append(query, to: &outgoing) }

    package func forget(_ id: UInt16) {}

    package func takeOutgoing() -> [UInt8] {
        defer { outgoing = [] }
        return outgoing
    }

    package func take(_ octets: ByteView) { incoming.append(octets.array) }

    package func next() -> UpstreamEvent? {
        switch incoming.next() {
        case .message(let message): .response(message)
        case .incomplete: nil
        case .broken: .ended(UpstreamSessionEnd("short message"))
        }
    }

    package func end() {}
}
