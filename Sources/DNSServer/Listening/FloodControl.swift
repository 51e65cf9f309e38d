import EventLoop
import Telemetry

/// Keeps one client's flood from taking the socket from all others.
///
/// A flood is seen where the loop has worked through some full batches and the kernel's queue is still long. Then clients
/// are counted for a moment, and those who ask more than their share lose a part of their datagrams in the kernel, before
/// they take a place in the queue (`ClientShares`, `SourceFilter`); what waits already loses that part here. Without a
/// flood it costs nothing.
final class FloodControl: TimerTarget {
    private unowned let server: LoopServer
    private let socket: DatagramServerSocket
    private let address: SocketAddress
    private var shares = ClientShares()
    /// True while datagrams are to be counted.
    private(set) var isCounting = false
    private var isFlooded = false
    /// The queue when counting began.
    private var before: DatagramServerSocket.Queue?
    private var thinning = QueueThinning()
    private var timer = TimerID.none
    /// Clients that are limited now.
    private var limited = 0 {
        didSet {
            let all = server.counters.limitedClients
            all.set(all.value + Double(limited - oldValue))
        }
    }
    /// Datagrams the kernel had dropped when it was last asked.
    private var dropped: UInt32 = 0
    private var nextSample: UInt64 = 0
    private var nextLine: UInt64 = 0

    /// How long the kernel's queue is when a flood begins: a part of it, or octets; early enough that nothing is lost yet.
    private static let (fill, waiting) = (0.25, 512 * 1024)
    /// Octets that a short datagram takes while it waits.
    private static let datagram = 768
    /// Datagrams that say enough about who asks.
    private static let sample = 128
    /// Datagrams after which nobody else is looked for.
    private static let longestSample = 4096
    /// Nanoseconds between two looks, while somebody is limited and where nobody had to be.
    private static let pause: UInt64 = 100_000_000
    /// Nanoseconds between two log lines.
    private static let silence: UInt64 = 10_000_000_000

    init(_ socket: DatagramServerSocket, at address: SocketAddress, on server: LoopServer) {
        self.socket = socket
        self.address = address
        self.server = server
    }

    /// Counts a datagram; false when it is not to be answered.
    func admits(_ peer: SocketAddress) -> Bool {
        guard !thinning.isOver else {
            shares.count(peer)
            return true
        }
        let isAdmitted = thinning.admits(peer)
        if !isAdmitted { server.counters.queueDropped.bump() }
        if thinning.isOver { shares.begin(at: server.loop.currentTime) }
        return isAdmitted
    }

    /// Nothing waits in the socket.
    func caughtUp() {
        if !thinning.isOver {
            thinning = QueueThinning()
            shares.begin(at: server.loop.currentTime)
        }
        guard isFlooded else { return }
        isFlooded = false
        isCounting = limited > 0
    }

    private func isLong(_ queue: DatagramServerSocket.Queue) -> Bool {
        queue.fill >= Self.fill || queue.waiting >= Self.waiting
    }

    /// Some full batches were answered, and more may wait.
    func isBehind() {
        guard thinning.isOver, let queue = socket.queue else { return }
        note(queue.dropped)
        guard isLong(queue) else { return caughtUp() }
        let now = server.loop.currentTime
        if !isFlooded {
            guard limited > 0 || now >= nextSample else { return }
            isFlooded = true
            isCounting = true
            before = queue
            shares.begin(at: now)
        } else if shares.total >= (shares.hasOthers(at: now) ? Self.sample : Self.longestSample) {
            let more = (queue.waiting - (before?.waiting ?? 0)) / Self.datagram
            let lost = queue.dropped &- (before?.dropped ?? queue.dropped)
            apply(shares.whenFlooded(at: now, unseen: Int(lost) + max(0, more)), waiting: queue.waiting / Self.datagram)
            isFlooded = false
            nextSample = now &+ Self.pause
        }
    }

    func timerFired(_ token: UInt64) {
        timer = .none
        guard let queue = socket.queue else { return apply(SourceFilter([])) }
        note(queue.dropped)
        // While the queue is long `isBehind` goes on.
        guard !isLong(queue) else { return schedule() }
        isFlooded = false
        apply(shares.whenCalm(at: server.loop.currentTime, waiting: queue.waiting / Self.datagram))
    }

    func close() {
        server.loop.cancel(timer)
        limited = 0
    }

    private func note(_ latest: UInt32) {
        server.counters.queueDropped.add(UInt64(latest &- dropped))
        dropped = latest
    }

    private func apply(_ filter: SourceFilter, waiting: Int = 0) {
        let wasLimiting = limited > 0
        limited = wasLimiting || !filter.rules.isEmpty ? (socket.restrict(filter) ? filter.rules.count : 0) : 0
        isCounting = limited > 0
        thinning = QueueThinning(isCounting ? filter : SourceFilter([]), waiting: waiting)
        shares.begin(at: server.loop.currentTime)
        guard isCounting else { return }
        schedule()
        if !wasLimiting { say() }
    }

    private func schedule() {
        server.loop.cancel(timer)
        timer = server.loop.schedule(after: Self.pause, self, token: 0)
    }

    private func say() {
        guard let (client, perSecond, part) = shares.greediest, server.loop.now >= nextLine else { return }
        nextLine = server.loop.now &+ Self.silence
        let text =
            "dns: \(client.address) sends \(Int(perSecond)) datagrams a second to \(address), more than its share of what "
            + "can be answered: \(Int(part * 100)) % of them are dropped until it sends less"
        server.log.line(.warning) { $0.append(contentsOf: text.utf8) }
    }
}
