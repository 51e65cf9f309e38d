import DNSWire
package import EventLoop
import Synchronization

/// A message that arrived in another way than through a socket of a loop.
package struct TransportQuery: Sendable {
    package let message: [UInt8]
    package let client: SocketAddress
    package let place: SecureEndpoint.Place
    /// Decides how long a response may be.
    package let transport: Transport
    /// True where an answer may be several messages.
    package let takesStreams: Bool
    /// Takes what became of it, on the loop's thread; called once, or never when the loop ends before.
    package let answered: @Sendable (TransportAnswer) -> Void

    package init(
        message: [UInt8], client: SocketAddress, place: SecureEndpoint.Place, transport: Transport = .tcp,
        takesStreams: Bool, answered: @escaping @Sendable (TransportAnswer) -> Void
    ) {
        self.message = message
        self.client = client
        self.place = place
        self.transport = transport
        self.takesStreams = takesStreams
        self.answered = answered
    }
}

/// What became of such a message.
package enum TransportAnswer: Sendable {
    case response([UInt8])
    /// The first message of several.
    case begun([UInt8], TransportStream)
    /// Not a query at all.
    case invalid
    /// There is to be no response.
    case silent
}

/// Hands messages to the loops in turn, those that came together to one.
package final class QueryInbox: Sendable {
    private let handles: [LoopHandle]
    private let turn = Atomic<UInt>(0)
    private let sessions = Atomic<UInt64>(0)

    init(_ handles: [LoopHandle]) { self.handles = handles }

    package func post(_ queries: [TransportQuery]) {
        guard !handles.isEmpty else { return queries.forEach { $0.answered(.silent) } }
        let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        handles[Int(turn % UInt(handles.count))].submit { loop in
            guard let server = loop.resident as? LoopServer else { return queries.forEach { $0.answered(.silent) } }
            for query in queries { server.answer(query) }
        }
    }
}

extension QueryInbox {
    /// Begins a DSO session, on one of the loops; nil when there is none.
    ///
    /// - Parameter told: takes what the session says, on the loop's thread.
    package func openSession(
        at place: SecureEndpoint.Place, client: SocketAddress, told: @escaping @Sendable (TransportSession.Told) -> Void
    ) -> TransportSession? {
        guard !handles.isEmpty else { return nil }
        let number = sessions.wrappingAdd(1, ordering: .relaxed).oldValue
        return TransportSession(
            handles[Int(number % UInt64(handles.count))], number, at: place, client: client, told: told)
    }
}

/// Where the messages of one place enter a loop.
final class TransportListener: PushPlace {
    var router: ServerBlockRouter

    init(_ router: ServerBlockRouter) { self.router = router }
}

/// Who waits for the response to a message that came by a transport.
struct TransportAsker {
    let listener: TransportListener
    let answered: @Sendable (TransportAnswer) -> Void
}

/// The places whose messages one loop answers, and their answers of several messages under way.
final class TransportListeners {
    private var listeners: [SecureEndpoint.Place: TransportListener] = [:]
    fileprivate var streams: [UInt64: StreamedAnswer] = [:]
    fileprivate var lastStream: UInt64 = 0
    private var peers: [UInt64: TransportPeer] = [:]

    /// Answers for exactly `places` from now on; queries that wait at a place that stays are routed by the new plan.
    func listen(_ places: Set<SecureEndpoint.Place>, _ router: (SecureEndpoint.Place) -> ServerBlockRouter) {
        var next: [SecureEndpoint.Place: TransportListener] = [:]
        for place in places {
            let listener = listeners[place] ?? TransportListener(ServerBlockRouter([]))
            listener.router = router(place)
            next[place] = listener
        }
        listeners = next
    }

    subscript(place: SecureEndpoint.Place) -> TransportListener? { listeners[place] }

    // MARK: Sessions

    func begin(_ peer: TransportPeer, _ number: UInt64) { peers[number] = peer }
    func peer(_ number: UInt64) -> TransportPeer? { peers[number] }
    func end(_ number: UInt64) { peers.removeValue(forKey: number)?.close() }
}

extension LoopServer {
    /// Answers on this loop's thread, now or once the network has been waited for.
    package func answer(_ query: TransportQuery) {
        guard let listener = transportListeners[query.place] else { return query.answered(.silent) }
        let answered = withBytes(query.message) { message in
            chain.answer(
                message, into: chain.streamOutput.suffix(from: 2), client: query.client,
                transport: query.transport, takesStreams: query.takesStreams, router: listener.router,
                asker: .transport(TransportAsker(listener: listener, answered: query.answered)))
        }
        switch answered {
        case .response(let length):
            query.answered(.response(chain.streamOutput.view(2, length).array))
        case .begun(let length, let source):
            let first = chain.streamOutput.view(2, length).array
            query.answered(.begun(first, begin(source, query.message)))
        case .waiting: break
        case .invalid: query.answered(.invalid)
        case .silent: query.answered(.silent)
        }
    }

    // MARK: Answers of several messages

    private func begin(_ source: any MessageSource, _ message: [UInt8]) -> TransportStream {
        transportListeners.lastStream &+= 1
        streamedAnswers += 1
        transportListeners.streams[transportListeners.lastStream] = StreamedAnswer(
            source: source, message: message, deadline: loop.now &+ streamLimits.streamedAnswer)
        return TransportStream(transportListeners.lastStream, loop.handle)
    }

    fileprivate func next(of stream: UInt64) -> (message: [UInt8], isMore: Bool)? {
        guard let answer = transportListeners.streams[stream], loop.now < answer.deadline else { return nil }
        let (length, isMore) = continueAnswer(answer, into: chain.streamOutput.suffix(from: 2))
        if !isMore { end(stream) }
        return (chain.streamOutput.view(2, length).array, isMore)
    }

    fileprivate func end(_ stream: UInt64) {
        if transportListeners.streams.removeValue(forKey: stream) != nil { streamedAnswers -= 1 }
    }
}

/// The further messages of one answer, to be taken one after another; what is not taken goes with it.
package final class TransportStream: Sendable {
    private let number: UInt64
    private let handle: LoopHandle

    fileprivate init(_ number: UInt64, _ handle: LoopHandle) {
        self.number = number
        self.handle = handle
    }

    deinit {
        handle.submit { [number] loop in (loop.resident as? LoopServer)?.end(number) }
    }

    /// Asks for the next message.
    ///
    /// - Parameter take: receives it and whether there are more; nil when the answer took too long.
    package func next(_ take: @escaping @Sendable ((message: [UInt8], isMore: Bool)?) -> Void) {
        handle.submit { [number] loop in take((loop.resident as? LoopServer)?.next(of: number)) }
    }
}
