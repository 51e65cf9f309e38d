import Corefile
import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Sends frames to one collector for as long as it runs, whether the collector is there or not.
final class DnstapSender: Sendable {
    private struct Waiting {
        /// Whole frames.
        var octets: [UInt8] = []
        var messages = 0
        var dropped = 0
    }

    private let collector: DnstapSettings.Collector
    /// How to speak with it; nil for clear text.
    private let sessions: (any UpstreamSessions)?
    private let most: Int
    private let dropped: Counter
    private let waiting = Mutex(Waiting())

    /// Octets that may wait, whatever the number of messages.
    private static let mostOctets = 16 << 20
    private static let pause = Duration.milliseconds(50)
    private static let retryPause = Duration.seconds(1)
    private static let patience = Duration.seconds(5)

    init(
        _ collector: DnstapSettings.Collector, _ sessions: (any UpstreamSessions)?, most: Int, _ dropped: Counter
    ) {
        self.collector = collector
        self.sessions = sessions
        self.most = most
        self.dropped = dropped
    }

    /// Never waits.
    func add(_ frames: borrowing [UInt8], _ messages: Int) {
        let count = frames.count
        waiting.withLock { waiting in
            guard waiting.messages + messages <= most, waiting.octets.count + count <= Self.mostOctets else {
                waiting.dropped += messages
                dropped.add(UInt64(messages))
                return
            }
            waiting.octets += frames
            waiting.messages += messages
        }
    }

    private func take() -> (octets: [UInt8], dropped: Int) {
        waiting.withLock { waiting in
            defer { waiting = Waiting() }
            return (waiting.octets, waiting.dropped)
        }
    }

    // MARK: Running

    /// Ends with its task; what waits then is sent before, if there is a collector.
    func run() async {
        var isTold = false
        while !Task.isCancelled {
            do throws(Failure) {
                let stream = try await connect()
                isTold = false
                try await serve(stream)
            } catch {
                if !isTold { Log.warning("plugin/dnstap: \(place): \(error.text); it is tried again every second") }
                isTold = true
            }
            try? await Task.sleep(for: Self.retryPause)
        }
    }

    private var place: String {
        switch collector {
        case .unix(let path): path
        case .tcp(let address): "\(scheme)://\(address)"
        case .host(let name, let port): "\(scheme)://\(name):\(port)"
        }
    }

    private var scheme: String { sessions == nil ? "tcp" : "tls" }

    private struct Failure: Error {
        let text: String
    }

    private func connect() async throws(Failure) -> any OctetStream {
        let stream: any OctetStream
        switch collector {
        case .unix(let path):
            do throws(SystemError) {
                stream = PlainStream(try StreamSocket(connectingTo: path))
            } catch {
                throw Failure(text: "\(error)")
            }
        case .tcp(let address): stream = try await connect(to: UpstreamTarget(address, scheme: .tls))
        case .host(let name, let port):
            guard let address = await HostName.addresses(of: name, port: port).first else {
                throw Failure(text: "the host is not found")
            }
            stream = try await connect(to: UpstreamTarget(address, scheme: .tls, serverName: name))
        }
        try await send(FrameStream.ready, over: stream, within: Self.patience)
        guard try await FrameStream.control(receive(over: stream)) == FrameStream.accept else {
            throw Failure(text: "it does not take dnstap")
        }
        try await send(FrameStream.start, over: stream, within: Self.patience)
        return stream
    }

    private func connect(to target: UpstreamTarget) async throws(Failure) -> any OctetStream {
        guard let sessions else {
            do throws(SystemError) {
                return PlainStream(try StreamSocket(connectingTo: target.address))
            } catch {
                throw Failure(text: "\(error)")
            }
        }
        do throws(UpstreamStreamFailure) {
            return try await sessions.stream(with: target)
        } catch {
            throw Failure(text: error.reason)
        }
    }

    private func serve(_ stream: any OctetStream) async throws(Failure) {
        while true {
            let isEnding = Task.isCancelled
            let (octets, dropped) = take()
            if dropped > 0 { Log.warning("plugin/dnstap: \(place): \(dropped) messages were dropped") }
            try await send(octets, over: stream, within: isEnding ? Self.retryPause : nil)
            if isEnding {
                try await send(FrameStream.stop, over: stream, within: Self.retryPause)
                return await flush(stream)
            }
            if octets.isEmpty {
                try? await Task.sleep(for: Self.pause)
                // A collector says nothing until the end: what can be read is that it went away.
                if stream.read() == .closed { throw closed(stream) }
            }
        }
    }

    private func closed(_ stream: any OctetStream) -> Failure {
        Failure(text: stream.failure ?? "the collector closed the connection")
    }

    /// Waits until what was written has left, for a second at most.
    private func flush(_ stream: any OctetStream) async {
        let end = ContinuousClock.now + Self.retryPause
        while !stream.isFlushed, ContinuousClock.now < end { await Task.yield() }
    }

    /// - Parameter limit: nil to wait until the task ends.
    private func send(_ octets: [UInt8], over stream: any OctetStream, within limit: Duration?) async throws(Failure) {
        let end = limit.map { ContinuousClock.now + $0 }
        var sent = 0
        while sent < octets.count {
            switch stream.write(Array(octets[sent..<min(octets.count, sent + 1 << 16)])) {
            case .octets(let count): sent += count
            case .closed: throw closed(stream)
            case .wouldBlock:
                if end.map({ ContinuousClock.now > $0 }) ?? Task.isCancelled {
                    throw Failure(text: "the collector does not read")
                }
                await rest()
            }
        }
    }

    /// In a task of its own: this one may be cancelled, and would not sleep at all.
    private func rest() async { await Task { try? await Task.sleep(for: .milliseconds(5)) }.value }

    /// One control frame. A task that is cancelled waits for it, too, though not as long: what there is to send is sent.
    private func receive(over stream: any OctetStream) async throws(Failure) -> [UInt8] {
        let begin = ContinuousClock.now
        var limit = Self.patience
        var octets: [UInt8] = []
        while ContinuousClock.now - begin < limit, octets.count < 4096 {
            switch stream.read() {
            case .octets(let more): octets += more
            case .closed: throw closed(stream)
            case .nothing: await rest()
            }
            if FrameStream.isWhole(octets) { return octets }
            if Task.isCancelled { limit = Self.retryPause }
        }
        throw Failure(text: "the collector did not answer within \(limit)")
    }
}
