import NIOCore

/// Closes a connection that waits too long: for its first message, for the next one, or for its client to read.
///
/// It stands between TLS and what is spoken through it, so that it sees every octet as the client meant it.
final class ConnectionWatch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connections: Connections
    private let limits: SecureLimits
    private var context: ChannelHandlerContext?
    private let deadline = Deadline()
    private let writeDeadline = Deadline()
    private var requests = 0 {
        didSet { use.set(requests) }
    }
    private let use: ConnectionUse
    /// Called when a connection has been used, but not each time: the listener's table has a lock.
    var noteUse: (() -> Void)?
    private var noted = NIODeadline.distantPast
    private var unsentWrites = 0
    private var isIdle = false
    private var readSinceLook = false
    private var isDraining = false
    /// True where an octet on an idle connection is the begin of a request.
    var countsOctets = false
    /// Octets of unfinished requests.
    private(set) var unread = 0
    /// Tells the client not to ask any more, where there is a way to.
    var sayGoodbye: (() -> Void)?

    init(_ connections: Connections, _ limits: SecureLimits, _ use: ConnectionUse) {
        self.connections = connections
        self.limits = limits
        self.use = use
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        deadline.arm(limits.first, on: context) { [weak self] in self?.close() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline.cancel()
        writeDeadline.cancel()
        sayGoodbye = nil
        noteUse = nil
        self.context = nil
    }

    func close() { context?.close(promise: nil) }

    // MARK: Requests

    /// A request has begun to arrive, which has its own deadline from now on.
    func began() {
        requests += 1
        isIdle = false
        deadline.cancel()
    }

    /// It is answered, or will never be.
    func ended() {
        requests -= 1
        guard requests == 0, let context else { return }
        isIdle = true
        let now = NIODeadline.now()
        if now - noted > Self.notedEvery {
            noted = now
            noteUse?()
        }
        deadline.arm(connections.isCrowded ? limits.idleWhenCrowded : limits.idle, on: context) { [weak self] in
            self?.close()
        }
    }

    /// Notes octets of a request that must be kept until it is whole; false when there are too many.
    func keep(_ octets: Int) -> Bool {
        unread += octets
        return unread <= limits.unread
    }

    func release(_ octets: Int) { unread -= octets }

    private static let notedEvery = TimeAmount.milliseconds(100)

    // MARK: Octets

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        readSinceLook = true
        if countsOctets, isIdle {
            isIdle = false
            deadline.arm(limits.request, on: context) { [weak self] in self?.close() }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
        unsentWrites += 1
        if unsentWrites == 1 { armWriteDeadline(context) }
        sent.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.wrote() }
        context.write(data, promise: sent)
    }

    private func wrote() {
        unsentWrites -= 1
        guard unsentWrites > 0, let context else { return writeDeadline.cancel() }
        armWriteDeadline(context)
    }

    private func armWriteDeadline(_ context: ChannelHandlerContext) {
        writeDeadline.arm(limits.write, on: context) { [weak self] in self?.close() }
    }

    // MARK: Stopping

    /// Octets that the client sent before may still stand in the socket: how long to see none of them before closing.
    private static let quiet = TimeAmount.milliseconds(50)

    /// Closes once nothing is under way and nothing more comes.
    func drain() {
        guard !isDraining, let context else { return }
        isDraining = true
        sayGoodbye?()
        look(context)
    }

    private func look(_ context: ChannelHandlerContext) {
        readSinceLook = false
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.quiet) { [weak self] in
            guard let self, let context = self.context else { return }
            if requests == 0, unsentWrites == 0, !readSinceLook { close() } else { look(context) }
        }
    }
}

/// One timer of a connection, which may be put off at little cost: what is scheduled looks whether its time has come.
final class Deadline {
    private var due: NIODeadline?
    private var scheduled: (timer: Scheduled<Void>, at: NIODeadline)?
    private var passed: (() -> Void)?

    var isArmed: Bool { due != nil }

    /// - Parameter passed: called on the event loop's thread, once; not after `cancel`.
    func arm(_ delay: TimeAmount, on context: ChannelHandlerContext, _ passed: @escaping () -> Void) {
        let due = context.eventLoop.now + delay
        self.due = due
        self.passed = passed
        if let scheduled {
            guard due < scheduled.at else { return }
            scheduled.timer.cancel()
        }
        schedule(due, context.eventLoop)
    }

    private func schedule(_ time: NIODeadline, _ eventLoop: any NIOCore.EventLoop) {
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: time) { [weak self] in
            guard let self else { return }
            look(eventLoop)
        }
        scheduled = (timer, time)
    }

    private func look(_ eventLoop: any NIOCore.EventLoop) {
        scheduled = nil
        guard let due else { return }
        guard due <= eventLoop.now else { return schedule(due, eventLoop) }
        let passed = passed
        forget()
        passed?()
    }

    /// What is scheduled stays so until its time: most are armed again before.
    func cancel() { forget() }

    private func forget() {
        due = nil
        passed = nil
    }

    deinit { scheduled?.timer.cancel() }
}
