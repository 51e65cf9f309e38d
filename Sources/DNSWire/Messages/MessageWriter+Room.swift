extension MessageWriter {
    /// True when as many more octets may be written.
    package func hasRoom(for octets: Int) -> Bool { count + octets <= limit }
}
