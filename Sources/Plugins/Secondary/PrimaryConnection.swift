import DNSServer
import DNSWire
import EventLoop
import ZoneData

/// One TCP connection to a primary, for one query and all messages of its response.
final class PrimaryConnection {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let stream: StreamSocket
    private let limits: TransferLimits
    private let start = ContinuousClock.now
    private let end: ContinuousClock.Instant
    private let room = ByteBlock(capacity: 65536)
    private var framing = MessageFraming()
    /// Of all messages so far.
    private var octets = 0

    /// - Parameter end: when all of the response must be there.
    /// - Throws: why no connection can begin.
    init(_ address: SocketAddress, _ limits: TransferLimits, until end: ContinuousClock.Instant) throws(Failure) {
        self.limits = limits
        self.end = end
        do throws(SystemError) {
            stream = try StreamSocket(connectingTo: address)
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    /// A query for `zone` with the class IN.
    ///
    /// - Parameter authority: records of that section, such as the SOA of the version that is known.
    static func query(_ id: UInt16, _ zone: Name, _ type: RecordType, authority: [ZoneRecord] = []) -> [UInt8] {
        [UInt8(id >> 8), UInt8(id & 0xFF), 0, 0, 0, 1, 0, 0, 0, UInt8(authority.count), 0, 0] + zone.wire
            + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, UInt8(RecordClass.internet)]
            + authority.flatMap(\.wire)
    }

    /// - Throws: that the connection is not there in time, or never will be.
    func send(_ message: [UInt8]) async throws(Failure) {
        var framed: [UInt8] = []
        MessageFraming.append(message, to: &framed)
        var sent = 0
        let patience = ContinuousClock.now + limits.silence
        while sent < framed.count {
            switch withBytes(Array(framed[sent...]), { stream.write($0) }) {
            case .octets(let count): sent += count
            case .wouldBlock: try await wait(.writing, until: patience)
            case .closed: throw Failure(description: "no connection")
            }
        }
    }

    /// The next message, without its length.
    ///
    /// - Throws: that it is late, too much, or cut.
    func receive() async throws(Failure) -> [UInt8] {
        let patience = ContinuousClock.now + limits.silence
        while true {
            guard ContinuousClock.now < end else { throw late }
            switch framing.next() {
            case .message(let message):
                try count(message)
                return message
            case .broken: throw Failure(description: "a length that no message has")
            case .incomplete: break
            }
            switch stream.read(into: room.bytes) {
            case .octets(let count): framing.append(room.bytes.view(count).array)
            case .wouldBlock: try await wait(.reading, until: patience)
            case .closed: throw Failure(description: "the connection was closed")
            }
        }
    }

    private func count(_ message: [UInt8]) throws(Failure) {
        octets += message.count
        guard octets <= limits.octets else { throw Failure(description: "more than \(limits.octets) octets") }
        let taken = ContinuousClock.now - start
        // Others may have the zone, too, and are not asked before this one has failed.
        guard taken < limits.grace || Double(octets) >= taken / .seconds(1) * Double(limits.slowest) else {
            throw Failure(description: "less than \(limits.slowest) octets a second")
        }
    }

    private var late: Failure { Failure(description: "no whole answer within \(limits.whole)") }

    private func wait(_ direction: SocketWait.Direction, until patience: ContinuousClock.Instant) async throws(Failure)
    {
        let isReady: Bool
        do throws(SystemError) {
            isReady = try await SocketWait.wait(for: stream.number, direction, until: min(patience, end))
        } catch {
            throw Failure(description: "\(error)")
        }
        guard !isReady else { return }
        guard !Task.isCancelled else { throw Failure(description: "the server ends") }
        throw end < patience ? late : Failure(description: "no answer within \(limits.silence)")
    }
}
