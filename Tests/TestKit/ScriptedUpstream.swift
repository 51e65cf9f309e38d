package import DNSServer
package import DNSWire
package import EventLoop
import Synchronization

/// A query as a scripted upstream received it.
package struct ReceivedQuery: Sendable {
    package let octets: [UInt8]
    package let transport: Transport
    /// Nil over TCP.
    package let peer: SocketAddress?
    /// How many queries came before.
    package let number: Int

    package init(octets: [UInt8], transport: Transport, peer: SocketAddress?, number: Int) {
        self.octets = octets
        self.transport = transport
        self.peer = peer
        self.number = number
    }

    package var parsed: (name: String, type: RecordType, flags: UInt16, hasEDNS: Bool) {
        withBytes(octets) { message in
            let end = (try? MessageReader.skipName(message, at: 12)) ?? 12
            return (
                message.slice(12, end - 12).nameText, RecordType(rawValue: message.uint16(at: end)),
                message.uint16(at: 2), message.uint16(at: 10) == 1
            )
        }
    }
}

/// An upstream on loopback that replies as its script says; silent where the script gives nothing.
///
/// Its thread runs until the tests end: a test that needs no more than the address may let go of it.
package final class ScriptedUpstream: Sendable {
    package typealias Script = @Sendable (ReceivedQuery) -> [[UInt8]]

    package let address: SocketAddress
    private let handle: LoopHandle
    private let log: Log
    private let side: UpstreamSideOfLoop

    fileprivate final class Log: Sendable {
        let queries = Mutex<[ReceivedQuery]>([])
        /// Replies kept back until `release`.
        let holds = Atomic<Bool>(false)
        let connections = Atomic<Int>(0)

        func note(_ octets: [UInt8], _ transport: Transport, _ peer: SocketAddress? = nil) -> ReceivedQuery {
            queries.withLock { queries in
                let query = ReceivedQuery(octets: octets, transport: transport, peer: peer, number: queries.count)
                queries.append(query)
                return query
            }
        }
    }

    private init(address: SocketAddress, handle: LoopHandle, log: Log, side: UpstreamSideOfLoop) {
        self.address = address
        self.handle = handle
        self.log = log
        self.side = side
    }

    /// - Parameters:
    ///   - tcp: listens for connections too.
    ///   - holding: keeps replies over UDP until `release`.
    package static func start(tcp: Bool = true, holding: Bool = false, _ script: @escaping Script) async throws
        -> ScriptedUpstream
    {
        let result: Result<ScriptedUpstream, SystemError> = await withCheckedContinuation { continuation in
            do throws(SystemError) {
                try LoopThread.run {
                    do throws(SystemError) {
                        let loop = try EventLoop(index: 0)
                        let upstream = try make(on: loop, tcp: tcp, holding: holding, script)
                        continuation.resume(returning: .success(upstream))
                        loop.run()
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// An upstream on a loop that somebody turns.
    static func make(
        on loop: EventLoop, tcp: Bool = true, holding: Bool = false, _ script: @escaping Script
    ) throws(SystemError) -> ScriptedUpstream {
        let log = Log()
        log.holds.store(holding, ordering: .relaxed)
        let side = try UpstreamSide(loop, log, script, tcp: tcp)
        side.open()
        return ScriptedUpstream(address: side.address, handle: loop.handle, log: log, side: UpstreamSideOfLoop(side))
    }

    package var queries: [ReceivedQuery] { log.queries.withLock { $0 } }
    package var connections: Int { log.connections.load(ordering: .relaxed) }

    /// Keeps replies over UDP from now on, until `release`.
    package func hold() { log.holds.store(true, ordering: .relaxed) }

    /// Sends what was held back, and holds nothing from now on.
    package func release() {
        log.holds.store(false, ordering: .relaxed)
        handle.submit { [side] _ in side.release() }
    }

    /// Waits until so many queries came, up to the time after which a test has failed whatever comes.
    package func received(_ count: Int) async {
        await LiveServer.eventually { queries.count >= count }
    }
}

/// Carries an upstream's sockets to those who may speak of them on their loop only.
private final class UpstreamSideOfLoop: @unchecked Sendable {
    // Invariant: set once, and used on the loop's thread alone; the loop keeps it.
    private weak let side: UpstreamSide?

    init(_ side: UpstreamSide) { self.side = side }

    func release() { side?.release() }
}

/// One upstream's sockets.
private final class UpstreamSide: ReadinessHandler {
    unowned let loop: EventLoop
    let log: ScriptedUpstream.Log
    let script: ScriptedUpstream.Script
    private let datagrams: DatagramServerSocket
    private let listener: StreamListenerSocket?
    private var acceptor: Acceptor?
    private let outbox: DatagramOutbox
    private var held: [(ReplyPath, [UInt8])] = []
    let address: SocketAddress

    init(_ loop: EventLoop, _ log: ScriptedUpstream.Log, _ script: @escaping ScriptedUpstream.Script, tcp: Bool)
        throws(SystemError)
    {
        self.loop = loop
        self.log = log
        self.script = script
        address = TestPorts.next()
        datagrams = try DatagramServerSocket(boundTo: address)
        outbox = try DatagramOutbox()
        listener = tcp ? try StreamListenerSocket(boundTo: address) : nil
    }

    func open() {
        _ = loop.register(datagrams.number, handler: self)
        guard let listener else { return }
        let acceptor = Acceptor(listener, self)
        self.acceptor = acceptor
        _ = loop.register(listener.number, handler: acceptor)
    }

    func ready(readable: Bool, writable: Bool) {
        let count = datagrams.receive()
        for slot in 0..<count {
            let octets = unsafe Array(datagrams.query(slot))
            let path = datagrams.replyPath(slot)
            for reply in script(log.note(octets, .udp, path.peer)) {
                if log.holds.load(ordering: .relaxed) { held.append((path, reply)) } else { send(reply, path) }
            }
        }
    }

    func release() {
        for (path, reply) in held { send(reply, path) }
        held = []
    }

    private func send(_ reply: [UInt8], _ path: ReplyPath) {
        _ = unsafe reply.withUnsafeBufferPointer { unsafe outbox.add($0, along: path) }
        _ = outbox.flush(through: datagrams.number)
    }
}

private final class Acceptor: ReadinessHandler {
    private let listener: StreamListenerSocket
    private unowned let side: UpstreamSide
    private var connections: [Connection] = []

    init(_ listener: StreamListenerSocket, _ side: UpstreamSide) {
        self.listener = listener
        self.side = side
    }

    func ready(readable: Bool, writable: Bool) {
        while case .connection(let stream, _) = listener.accept() {
            side.log.connections.wrappingAdd(1, ordering: .relaxed)
            let connection = Connection(stream, side)
            connections.append(connection)
            connection.registration = side.loop.register(stream.number, handler: connection)
        }
    }
}

private final class Connection: ReadinessHandler {
    private let stream: StreamSocket
    private unowned let side: UpstreamSide
    private var incoming: [UInt8] = []
    var registration: EventLoop.Registration?

    init(_ stream: StreamSocket, _ side: UpstreamSide) {
        self.stream = stream
        self.side = side
    }

    func ready(readable: Bool, writable: Bool) {
        let room = ByteBlock(capacity: 65535)
        switch stream.read(into: room.bytes) {
        case .octets(let count): incoming += room.bytes.view(count).array
        case .wouldBlock: return
        case .closed:
            if let registration { side.loop.unregister(registration, stream.number) }
            registration = nil
            return
        }
        while incoming.count >= 2 {
            let length = Int(incoming[0]) << 8 | Int(incoming[1])
            guard incoming.count >= 2 + length else { return }
            let query = Array(incoming[2..<(2 + length)])
            incoming.removeFirst(2 + length)
            for reply in side.script(side.log.note(query, .tcp)) {
                _ = withBytes([UInt8(reply.count >> 8), UInt8(reply.count & 0xFF)] + reply) { stream.write($0) }
            }
        }
    }
}
