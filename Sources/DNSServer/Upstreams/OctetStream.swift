import DNSWire
package import EventLoop

/// A connection over which octets go, looked at again and again by one who never waits for it.
package protocol OctetStream {
    /// What came since it was read last.
    func read() -> OctetStreamRead

    /// Takes as many of these octets as there is room for.
    func write(_ octets: [UInt8]) -> StreamSocket.Transferred

    /// True once everything that was written has left.
    var isFlushed: Bool { get }

    /// Why it was closed, where more than that is known.
    var failure: String? { get }
}

package enum OctetStreamRead: Equatable {
    case octets([UInt8])
    case nothing
    case closed
}

/// Octets as they are.
package final class PlainStream: OctetStream {
    private let socket: StreamSocket

    package init(_ socket: StreamSocket) { self.socket = socket }

    package func read() -> OctetStreamRead {
        let room = ByteBlock(capacity: 4096)
        switch socket.read(into: room.bytes) {
        case .octets(let count): return .octets(room.bytes.view(count).array)
        case .wouldBlock: return .nothing
        case .closed: return .closed
        }
    }

    package func write(_ octets: [UInt8]) -> StreamSocket.Transferred { withBytes(octets) { socket.write($0) } }

    /// The kernel sends what it has taken.
    package var isFlushed: Bool { true }
    package var failure: String? { nil }
}
