import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// One UDP port from which an upstream is asked, for a random number of questions and a random time.
final class DatagramPort: ReadinessHandler, TimerTarget {
    private let pool: DatagramPool
    private var socket: ConnectedDatagramSocket?
    private var registration: EventLoop.Registration?
    private var waiting: [UInt16: DatagramAttempt] = [:]
    /// Ids that queries had here: a reply that comes twice or late is no guess.
    private var spent: Set<UInt16> = []
    private var questionsLeft: Int
    private var guesses = 0

    /// After so many replies with an id that nobody gave, those who wait ask over TCP.
    private static let mostGuesses = 8
    /// A bound on the system calls that one turn of the loop makes for one port.
    private static let mostBatches = 4

    /// - Parameters:
    ///   - questions: how many it takes.
    ///   - life: nanoseconds until it takes no more.
    init(_ pool: DatagramPool, questions: Int, life: UInt64) throws(SystemError) {
        self.pool = pool
        questionsLeft = questions
        let socket = try ConnectedDatagramSocket(connectedTo: pool.upstream.address)
        self.socket = socket
        registration = pool.loop.register(socket.number, handler: self)
        if questions > 1 { pool.loop.schedule(after: life, self, token: 0) }
    }

    var takesQuestions: Bool { questionsLeft > 0 }
    var number: Int32? { socket?.number }
    var isIdle: Bool { waiting.isEmpty }

    /// - Returns: the id of its query, which no other that waits here has.
    func admit(_ attempt: DatagramAttempt) -> UInt16 {
        var id = pool.randomID()
        while waiting[id] != nil { id = pool.randomID() }
        waiting[id] = attempt
        questionsLeft -= 1
        return id
    }

    func leave(_ id: UInt16) {
        waiting[id] = nil
        spent.insert(id)
        closeIfDone()
    }

    /// No more questions; those that wait here still hear their replies.
    func retire() {
        questionsLeft = 0
        pool.forget(self)
        closeIfDone()
    }

    func timerFired(_ token: UInt64) { retire() }

    private func closeIfDone() {
        guard waiting.isEmpty, questionsLeft == 0, let registration, let socket else { return }
        pool.loop.unregister(registration, socket.number)
        self.registration = nil
        self.socket = nil
    }

    func ready(readable: Bool, writable: Bool) {
        for _ in 0..<Self.mostBatches {
            guard let socket else { return }
            guard let count = pool.receive(from: socket.number, { take($0) }) else { return refused() }
            if count < DatagramServerSocket.batchSize { return }
        }
    }

    /// Nobody listens there, whichever of the queries it was that the network said so about.
    func refused() {
        for attempt in Array(waiting.values) { attempt.refused() }
    }

    private func take(_ message: ByteView) {
        let id = message.count >= 2 ? message.uint16(at: 0) : 0
        guard message.count >= 12, let attempt = waiting[id] else { return mismatched(message, id) }
        if !attempt.take(message) { pool.suspect(self) }
    }

    private func mismatched(_ message: ByteView, _ id: UInt16) {
        pool.meter.mismatched.bump()
        let isReply = message.count >= 12 && message.uint16(at: 2) & HeaderFlag.response != 0
        guard isReply, !spent.contains(id) else { return }
        guesses += 1
        pool.suspect(self)
        guard guesses >= Self.mostGuesses else { return }
        for attempt in Array(waiting.values) { attempt.end(.suspicious) }
    }
}
