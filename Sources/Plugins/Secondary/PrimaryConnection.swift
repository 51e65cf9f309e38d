import DNSServer
import DNSWire
import EventLoop
import ZoneData

/// One TCP connection to a primary, for one query and all messages of its response.
final class PrimaryConnection {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// How long may pass between two parts of a response.
    private static let patience = Duration.seconds(10)
    private static let pause = Duration.milliseconds(2)

    private let stream: StreamSocket
    private let room = ByteBlock(capacity: 65536)
    private var received: [UInt8] = []
    /// Where the next message begins in `received`.
    private var position = 0

    init(_ address: SocketAddress) throws(Failure) {
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

    func send(_ message: [UInt8]) async throws(Failure) {
        let framed = [UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message
        var sent = 0
        let end = ContinuousClock.now + Self.patience
        while sent < framed.count {
            if case .octets(let count) = withBytes(Array(framed[sent...]), { stream.write($0) }) {
                sent += count
            } else {
                // A connection that is not there yet and one that was refused look alike until it is read from.
                try await rest(until: end)
            }
        }
    }

    /// The next message, without its length.
    func receive() async throws(Failure) -> [UInt8] {
        let end = ContinuousClock.now + Self.patience
        while true {
            if received.count - position >= 2 {
                let length = Int(received[position]) << 8 | Int(received[position + 1])
                if received.count - position >= 2 + length {
                    let message = Array(received[(position + 2)..<(position + 2 + length)])
                    position += 2 + length
                    if position > 1 << 18 {
                        received.removeFirst(position)
                        position = 0
                    }
                    return message
                }
            }
            switch stream.read(into: room.bytes) {
            case .octets(let count): received += room.bytes.view(count).array
            case .wouldBlock: try await rest(until: end)
            case .closed: throw Failure(description: "the connection was closed")
            }
        }
    }

    private func rest(until end: ContinuousClock.Instant) async throws(Failure) {
        guard ContinuousClock.now < end else { throw Failure(description: "no answer within \(Self.patience)") }
        do { try await Task.sleep(for: Self.pause) } catch { throw Failure(description: "the server ends") }
    }
}
