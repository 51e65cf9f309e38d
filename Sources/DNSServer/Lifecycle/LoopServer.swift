import Corefile
package import EventLoop
import Telemetry

/// The server on one event loop: its listeners, and the handlers of the current plan.
package final class LoopServer {
    package let loop: EventLoop
    private var listeners: [SocketAddress: AddressListeners] = [:]
    private var prepared: [SocketAddress: AddressListeners] = [:]
    package let chain: Chain
    package let log: LoopLog
    let transportListeners = TransportListeners()
    private(set) lazy var push = PushService(self, counters.push)
    private var blocks: [LoopBlock] = []
    /// What plugins have on this loop, by the object that all loops know.
    package var guests: [ObjectIdentifier: AnyObject] = [:]
    let counters: ServerCounters
    let streamLimits: StreamLimits
    /// What this loop's part of the server is to stay within, with all others.
    package let memory: MemoryBudget
    var streamShare = StreamShare()
    /// Answers of several messages under way.
    var streamedAnswers = 0

    struct AddressListeners {
        let datagrams: UDPListener
        let streams: TCPListener
    }

    package init(
        loop: EventLoop, counters: ServerCounters, streamLimits: StreamLimits, parkingCapacity: Int = 2048,
        memory: MemoryBudget = MemoryBudget(MetricRegistry())
    ) {
        self.loop = loop
        self.counters = counters
        self.streamLimits = streamLimits
        self.memory = memory
        log = LoopLog(loop)
        chain = Chain(loop: loop, counters: counters, parkingCapacity: parkingCapacity, memory: memory)
    }

    // MARK: Plans

    /// Opens what `plan` needs and this loop does not have yet; nothing is answered from it before `activate`.
    package func prepare(_ plan: ServingPlan) throws(SystemError) {
        prepared = [:]
        for address in plan.addresses where listeners[address] == nil {
            do throws(SystemError) {
                prepared[address] = AddressListeners(
                    datagrams: try UDPListener(address, on: self), streams: try TCPListener(address, on: self))
            } catch {
                prepared = [:]
                throw SystemError(call: "listen on \(address): \(error.call)", code: error.code)
            }
        }
    }

    package func discardPrepared() { prepared = [:] }

    /// Answers by `plan` from now on. Sockets whose address stays are kept, so that no query is lost.
    package func activate(_ plan: ServingPlan) {
        let blocks = plan.blocks.map { LoopBlock($0, on: self) }
        let addresses = Set(plan.addresses)
        for (address, pair) in listeners where !addresses.contains(address) {
            pair.datagrams.close()
            pair.streams.close()
            listeners[address] = nil
        }
        for (address, pair) in prepared {
            listeners[address] = pair
            pair.datagrams.open()
            pair.streams.open()
        }
        prepared = [:]
        for (address, pair) in listeners {
            let router = Self.router(plan, blocks, .dns, address)
            pair.datagrams.router = router
            pair.streams.router = router
            pair.streams.limits = plan.times(at: address).applied(to: streamLimits)
        }
        transportListeners.listen(plan.places) { Self.router(plan, blocks, $0.scheme, $0.address) }
        self.blocks = blocks
        push.planChanged()
    }

    private static func router(
        _ plan: ServingPlan, _ blocks: [LoopBlock], _ scheme: ServerScheme, _ address: SocketAddress
    ) -> ServerBlockRouter {
        let zones = zip(plan.blocks, blocks).flatMap { block, handlers in
            block.listens.filter { $0.address == address && $0.scheme == scheme }.map { ($0.zone, handlers) }
        }
        return ServerBlockRouter(zones, at: address, push: plan.pushLimits(at: address))
    }

    // MARK: Stopping

    /// Answers what was received, waits for queries under way up to `grace` nanoseconds, then ends the loop.
    package func drain(grace: UInt64, then done: @escaping () -> Void) {
        push.sayGoodbye()
        for pair in listeners.values {
            pair.streams.stopAccepting()
            pair.datagrams.answerAllReceived()
        }
        let target = DrainTarget(server: self, deadline: loop.now &+ grace, done: done)
        target.timerFired(0)
    }

    fileprivate func closeAll() {
        for pair in listeners.values {
            pair.datagrams.answerAllReceived()
            pair.datagrams.close()
            pair.streams.close()
        }
        listeners = [:]
    }

    private final class DrainTarget: TimerTarget {
        let server: LoopServer
        let deadline: UInt64
        let done: () -> Void

        init(server: LoopServer, deadline: UInt64, done: @escaping () -> Void) {
            self.server = server
            self.deadline = deadline
            self.done = done
        }

        func timerFired(_ token: UInt64) {
            if server.chain.isIdle || server.loop.now >= deadline {
                server.closeAll()
                done()
            } else {
                server.loop.schedule(after: 5_000_000, self, token: 0)
            }
        }
    }
}
