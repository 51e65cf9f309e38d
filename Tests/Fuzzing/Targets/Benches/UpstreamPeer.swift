import NIOCore

/// The other end of a session, as NIO has addresses; here, because the event loop has a type of the same name.
func upstreamPeer() throws -> SocketAddress { try SocketAddress(ipAddress: "192.0.2.1", port: 443) }
