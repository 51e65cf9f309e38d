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
    private let most: Int
    private let dropped: Counter
    private let waiting = Mutex(Waiting())

    /// Octets that may wait, whatever the number of messages.
    private static let mostOctets = 16 << 20
    private static let pause = Duration.milliseconds(50)
    private static let retryPause = Duration.seconds(1)
    private static let patience = Duration.seconds(5)

    init(_ collector: DnstapSettings.Collector, most: Int, _ dropped: Counter) {
        self.collector = collector
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
        case .tcp(let address): "tcp://\(address)"
        case .host(let name, let port): "tcp://\(name):\(port)"
        }
    }

    private struct Failure: Error {
        let text: String
    }

    private func connect() async throws(Failure) -> StreamSocket {
        let stream: StreamSocket
        do {
            switch collector {
            case .unix(let path): stream = try StreamSocket(connectingTo: path)
            case .tcp(let address): stream = try StreamSocket(connectingTo: address)
            case .host(let name, let port):
                guard let address = await HostName.addresses(of: name, port: port).first else {
                    throw Failure(text: "the host is not found")
                }
                stream = try StreamSocket(connectingTo: address)
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(text: "\(error)")
        }
        try await send(FrameStream.ready, over: stream, within: Self.patience)
        guard try await FrameStream.control(receive(over: stream)) == FrameStream.accept else {
            throw Failure(text: "it does not take dnstap")
        }
        try await send(FrameStream.start, over: stream, within: Self.patience)
        return stream
    }

    private func serve(_ stream: StreamSocket) async throws(Failure) {
        while true {
            let isEnding = Task.isCancelled
            let (octets, dropped) = take()
            if dropped > 0 { Log.warning("plugin/dnstap: \(place): \(dropped) messages were dropped") }
            try await send(octets, over: stream, within: isEnding ? Self.retryPause : nil)
            if isEnding { return try await send(FrameStream.stop, over: stream, within: Self.retryPause) }
            if octets.isEmpty {
                try? await Task.sleep(for: Self.pause)
                // A collector says nothing until the end: what can be read is that it went away.
                try expectOpen(stream)
            }
        }
    }

    private func expectOpen(_ stream: StreamSocket) throws(Failure) {
        let room = ByteBlock(capacity: 64)
        if stream.read(into: room.bytes) == .closed { throw Failure(text: "the collector closed the connection") }
    }

    /// - Parameter limit: nil to wait until the task ends.
    private func send(_ octets: [UInt8], over stream: StreamSocket, within limit: Duration?) async throws(Failure) {
        let end = limit.map { ContinuousClock.now + $0 }
        var sent = 0
        while sent < octets.count {
            let part = Array(octets[sent..<min(octets.count, sent + 1 << 16)])
            switch withBytes(part, { stream.write($0) }) {
            case .octets(let count): sent += count
            case .closed: throw Failure(text: "the collector closed the connection")
            case .wouldBlock:
                if end.map({ ContinuousClock.now > $0 }) ?? Task.isCancelled {
                    throw Failure(text: "the collector does not read")
                }
                // In a task of its own: this one may be cancelled, and would not sleep at all.
                await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
            }
        }
    }

    /// One control frame.
    private func receive(over stream: StreamSocket) async throws(Failure) -> [UInt8] {
        let end = ContinuousClock.now + Self.patience
        let room = ByteBlock(capacity: 1024)
        var octets: [UInt8] = []
        while ContinuousClock.now < end, !Task.isCancelled, octets.count < 4096 {
            switch stream.read(into: room.bytes) {
            case .octets(let count): octets += room.bytes.view(count).array
            case .closed: throw Failure(text: "the collector closed the connection")
            case .wouldBlock: try? await Task.sleep(for: .milliseconds(5))
            }
            if FrameStream.isWhole(octets) { return octets }
        }
        throw Failure(text: "the collector did not answer within \(Self.patience)")
    }
}

/// Control frames of a frame stream (farsightsec.github.io/fstrm).
enum FrameStream {
    static let accept: UInt32 = 1
    private static let contentType = Array("protobuf:dnstap.Dnstap".utf8)

    static let ready = control(4, withContentType: true)
    static let start = control(2, withContentType: true)
    static let stop = control(3, withContentType: false)

    /// Four zeros, the length, the type, and what is in the stream.
    private static func control(_ type: UInt32, withContentType: Bool) -> [UInt8] {
        var body = octets(type)
        if withContentType { body += octets(1) + octets(UInt32(contentType.count)) + contentType }
        return octets(0) + octets(UInt32(body.count)) + body
    }

    private static func octets(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt32 { octets.reduce(0) { $0 << 8 | UInt32($1) } }

    static func isWhole(_ octets: [UInt8]) -> Bool {
        octets.count >= 12 && octets.count - 8 >= Int(min(number(octets[4..<8]), 4096))
    }

    /// The type of a whole control frame; nil for another frame.
    static func control(_ octets: [UInt8]) -> UInt32? {
        guard isWhole(octets), number(octets[0..<4]) == 0 else { return nil }
        return number(octets[8..<12])
    }
}
