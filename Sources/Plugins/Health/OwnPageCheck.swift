import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Asks this process' own health page once a second, as a probe would: when that takes long, the process does not keep up.
struct OwnPageCheck: Sendable {
    private let address: SocketAddress
    private let durations: Histogram
    private let failures: Counter

    private static let patience = Duration.seconds(3)
    /// Longer answers are worth a line in the log.
    private static let slow = Duration.seconds(1)

    init(_ page: SocketAddress, _ metrics: MetricRegistry) {
        address = page.isWildcard ? SocketAddress(IPAddress(v4: 0x7F00_0001), port: page.port) : page
        durations = metrics.histogram(
            "coredns_health_request_duration_seconds", "Histogram of the time (in seconds) each request took.",
            [], bounds: Histogram.slimTimeBounds, unitsPerOne: 1e9)
        failures = metrics.counter(
            "coredns_health_request_failures_total", "The number of times the health check failed.")
    }

    /// Ends with its task.
    func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            let start = ContinuousClock.now
            let fault = await ask(until: start + Self.patience)
            guard !Task.isCancelled else { return }
            let taken = ContinuousClock.now - start
            durations.observe(UInt64(max(0, taken / .nanoseconds(1))))
            if let fault {
                failures.add()
                Log.warning("plugin/health: the page at \(address) \(fault)")
            } else if taken > Self.slow {
                Log.warning("plugin/health: the page at \(address) took \(taken)")
            }
        }
    }

    /// What was wrong with the page; nil when it was answered with 200 in time.
    private func ask(until end: ContinuousClock.Instant) async -> String? {
        let stream: StreamSocket
        do throws(SystemError) { stream = try StreamSocket(connectingTo: address) } catch {
            return "cannot be asked: \(error)"
        }
        let request = Array("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        let wanted = Array("HTTP/1.1 200".utf8)
        let room = ByteBlock(capacity: 4096)
        var answer: [UInt8] = []
        var isSent = false
        while ContinuousClock.now < end, !Task.isCancelled {
            if !isSent, case .octets = withBytes(request, { stream.write($0) }) { isSent = true }
            switch stream.read(into: room.bytes) {
            case .octets(let count):
                answer += room.bytes.view(count).array
                if answer.count >= wanted.count { return answer.starts(with: wanted) ? nil : "did not answer with 200" }
            case .closed where isSent: return "closed the connection without an answer"
            default: break
            }
            do { try await Task.sleep(for: .milliseconds(1)) } catch { return nil }
        }
        return "gave no answer within \(Self.patience)"
    }
}
