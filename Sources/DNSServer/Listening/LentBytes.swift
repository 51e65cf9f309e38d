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

extension ConnectedDatagramSocket {
    /// False when the kernel did not take the datagram.
    package func send(_ message: ByteView) -> Bool { unsafe withBuffer(message) { unsafe send($0) } }

    /// Octets received, nil when nothing waits; `refused` is set when the peer said that nobody listens.
    package func receive(into room: OutputBytes, refused: inout Bool) -> Int? {
        unsafe withBuffer(room) { unsafe receive(into: $0, refused: &refused) }
    }
}

extension StreamSocket {
    package func write(_ octets: ByteView) -> Transferred { unsafe withBuffer(octets) { unsafe write($0) } }

    package func read(into room: OutputBytes) -> Transferred { unsafe withBuffer(room) { unsafe read(into: $0) } }
}
