import DNSServer
import DNSWire
import EventLoop

/// The UDP ports from which one loop asks one upstream.
///
/// A few at a time, each picked at random by the kernel, taken at random, and each for a random number of questions and
/// seconds: a socket of its own for each question costs more than asking it. Who forges replies without seeing queries
/// has to guess port and id as with a fresh port; only that a port lives longer helps who learns it by other ways, so the
/// first reply that fits no query ends the port, and for a time each question has a fresh one (RFC 5452 §9.2).
final class DatagramPool: TurnTarget {
    let upstream: Upstream
    let loop: EventLoop
    let meter: UpstreamMeter
    private var ports: [DatagramPort?] = Array(repeating: nil, count: size)
    private var random = KernelRandom()
    private var batches: (outbox: DatagramOutbox, inbox: DatagramInbox)?
    /// The port of what is in the outbox, and whose it is.
    private var sending: DatagramPort?
    private var senders: [DatagramAttempt] = []
    private var isCalledAtEndOfTurn = false
    private var suspiciousUntil: UInt64 = 0
    private var suspicions = 0
    /// True when descriptors were short as the last port was opened: one for each upstream has to do then.
    private var isShort = false
    /// Frees descriptors that other upstreams of this loop do not need at the moment.
    var makeRoom: (() -> Void)?

    /// Ports that are open for questions at one time.
    static let size = 8
    /// A port's questions: so few that their replies fit the kernel's buffer for it.
    static let questions = 32...96
    /// A port's life in nanoseconds.
    static let life: ClosedRange<UInt64> = 1_000_000_000...3_000_000_000
    /// Nanoseconds for which each question has a fresh port after a reply that fits none.
    static let suspicionTime: UInt64 = 10_000_000_000
    /// With so many such replies in that time, questions go over TCP.
    static let mostSuspicions = 64

    init(_ upstream: Upstream, _ loop: EventLoop, _ meter: UpstreamMeter) {
        self.upstream = upstream
        self.loop = loop
        self.meter = meter
    }

    func randomID() -> UInt16 { .random(in: 0 ... .max, using: &random) }

    // MARK: Suspicion

    /// True when so many forged replies come that UDP is no way to ask.
    var isUnderAttack: Bool { suspicions >= Self.mostSuspicions && isSuspicious }

    private var isSuspicious: Bool { loop.now < suspiciousUntil }

    /// A reply came to `port` that nobody had asked for.
    func suspect(_ port: DatagramPort) {
        suspicions = isSuspicious ? suspicions + 1 : 1
        suspiciousUntil = loop.now &+ Self.suspicionTime
        port.retire()
    }

    // MARK: Sending

    /// Sends the query of `attempt` at the end of this turn.
    ///
    /// - Returns: the port that hears the reply, and the id.
    /// - Throws: when descriptors, memory or routes are missing.
    func ask(_ attempt: DatagramAttempt) throws(SystemError) -> (DatagramPort, UInt16) {
        let outbox = try openBatches().outbox
        if outbox.isFull { flush() }
        let port = try nextPort()
        if sending !== port { flush() }
        sending = port
        let id = port.admit(attempt)
        guard withBytes(attempt.octets(id: id), { outbox.add($0) }) else {
            port.leave(id)
            throw .messageTooLong
        }
        senders.append(attempt)
        if !isCalledAtEndOfTurn {
            isCalledAtEndOfTurn = true
            loop.callAtEndOfTurn(self)
        }
        return (port, id)
    }

    private func openBatches() throws(SystemError) -> (outbox: DatagramOutbox, inbox: DatagramInbox) {
        if let batches { return batches }
        let opened = (outbox: try DatagramOutbox(), inbox: try DatagramInbox())
        batches = opened
        return opened
    }

    /// The one that is sent from already, so that one system call sends many queries, or one at random.
    private func nextPort() throws(SystemError) -> DatagramPort {
        if isSuspicious { return try freshPort(questions: 1, life: Self.life.upperBound) }
        if let sending, sending.takesQuestions { return sending }
        if isShort, let port = ports.lazy.compactMap(\.self).first(where: \.takesQuestions) { return port }
        let place = Int.random(in: ports.indices, using: &random)
        if let port = ports[place], port.takesQuestions { return port }
        let port = try freshPort(
            questions: .random(in: Self.questions, using: &random), life: .random(in: Self.life, using: &random))
        ports[place] = port
        return port
    }

    /// A new port; where the process has no descriptor left, one that is open, or the place of another upstream's.
    private func freshPort(questions: Int, life: UInt64) throws(SystemError) -> DatagramPort {
        let port: DatagramPort
        do throws(SystemError) { port = try DatagramPort(self, questions: questions, life: life) } catch {
            guard error.isExhaustion else { throw error }
            let open = ports.compactMap(\.self).filter { $0.number != nil }
            if let other = open.randomElement(using: &random) { return other }
            makeRoom?()
            port = try DatagramPort(self, questions: questions, life: life)
        }
        isShort = port.number.map(DescriptorReserve.holds) ?? false
        if isShort { for other in ports.compactMap(\.self) { other.retire() } }
        return port
    }

    /// Closes the ports on which nobody waits.
    func closeIdle() {
        for port in ports.compactMap(\.self) where port.isIdle { port.retire() }
    }

    /// Ports that take questions.
    var openPorts: Int { ports.count { $0?.takesQuestions == true } }

    func forget(_ port: DatagramPort) {
        for place in ports.indices where ports[place] === port { ports[place] = nil }
    }

    func turnEnded() {
        isCalledAtEndOfTurn = false
        flush()
    }

    private func flush() {
        guard let port = sending, let outbox = batches?.outbox else { return }
        sending = nil
        guard let number = port.number else {
            senders.removeAll(keepingCapacity: true)
            return outbox.clear()
        }
        let failures = outbox.flush(through: number).map { (sender: senders[$0.position], error: $0.error) }
        senders.removeAll(keepingCapacity: true)
        for (sender, error) in failures {
            if error.isRefusal { port.refused() } else { sender.sendFailed() }
        }
    }

    // MARK: Receiving

    /// Gives what waits in a socket to `take`, one after the other.
    ///
    /// - Returns: how many there were; nil when the network said that nobody listens there.
    func receive(from number: Int32, _ take: (ByteView) -> Void) -> Int? {
        guard let inbox = batches?.inbox else { return 0 }
        guard let count = inbox.receive(from: number) else { return nil }
        for slot in 0..<count { take(inbox.view(slot)) }
        return count
    }
}
