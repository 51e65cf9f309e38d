package import DNSWire
package import EventLoop

/// Lends the octets of `view` to a system call.
func withBuffer<Result>(_ view: ByteView, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    unsafe view.withUnsafeBuffer(body)
}

/// Lends writable octets to a system call.
func withBuffer<Result>(
    _ output: OutputBytes, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Result
) -> Result {
    unsafe output.withUnsafeBuffer(body)
}

// The buffers of sockets as checked views, valid as long as their turn lasts.

func lent(_ buffer: UnsafeBufferPointer<UInt8>) -> ByteView {
    guard let start = buffer.baseAddress else { return .empty }
    return unsafe ByteView(start: start, count: buffer.count)
}

func lent(_ buffer: UnsafeMutableBufferPointer<UInt8>) -> OutputBytes {
    guard let start = buffer.baseAddress else { return ByteBlock(capacity: 0).bytes }
    return unsafe OutputBytes(start: start, capacity: buffer.count)
}

extension ConnectedDatagramSocket {
    /// False when the kernel did not take the datagram.
    package func send(_ message: ByteView) -> Bool { unsafe withBuffer(message) { unsafe send($0) } }

    /// Octets received, nil when nothing waits; `refused` is set when the peer said that nobody listens.
    package func receive(into room: OutputBytes, refused: inout Bool) -> Int? {
        unsafe withBuffer(room) { unsafe receive(into: $0, refused: &refused) }
    }
}

extension DatagramOutbox {
    /// Copies a datagram; false when it is longer than 4,096 octets.
    ///
    /// - Parameter path: where it goes; nil for the peer that the socket is connected with.
    package func add(_ message: ByteView, along path: ReplyPath? = nil) -> Bool {
        unsafe withBuffer(message) { unsafe add($0, along: path) }
    }
}

extension DatagramInbox {
    /// The octets of a place, valid until the next `receive`.
    package func view(_ slot: Int) -> ByteView { unsafe lent(datagram(slot)) }
}

extension StreamSocket {
    package func write(_ octets: ByteView) -> Transferred { unsafe withBuffer(octets) { unsafe write($0) } }

    package func read(into room: OutputBytes) -> Transferred { unsafe withBuffer(room) { unsafe read(into: $0) } }
}
