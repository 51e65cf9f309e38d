import DNSServer
import DNSWire
import EventLoop
import TestKit
import Testing
import ZoneData

/// A client that asks for zones over one connection.
final class TransferClient {
    private let socket: StreamSocket
    private let room = ByteBlock(capacity: 65_537)
    private var incoming: [UInt8] = []
    private var hasEnded = false
    /// Longer than anything here takes, so that it decides nothing.
    private static let patience = Duration.seconds(180)

    init(_ address: SocketAddress) throws { socket = try StreamSocket(connectingTo: address) }

    /// - Parameters:
    ///   - text: `name type`.
    ///   - serial: what the client has, for IXFR.
    static func query(_ text: String, serial: UInt32? = nil) -> [UInt8] {
        var query = WireText.query(text, id: 0x4242, recursionDesired: false)
        guard let serial else { return query }
        query[9] = 1
        let numbers = (0..<4).map { UInt8(truncatingIfNeeded: serial >> UInt32(24 - 8 * $0)) }
        return query + [0xC0, 0x0C, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0] + numbers + [UInt8](repeating: 0, count: 16)
    }

    func send(_ query: [UInt8]) async {
        let framed = [UInt8(query.count >> 8), UInt8(query.count & 0xFF)] + query
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            if case .octets = withBytes(framed, { socket.write($0) }) { return }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    /// The next message; nil when the server has closed the connection.
    func message() async -> [UInt8]? {
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            if incoming.count >= 2 {
                let length = Int(incoming[0]) << 8 | Int(incoming[1])
                if incoming.count >= 2 + length {
                    defer { incoming.removeFirst(2 + length) }
                    return Array(incoming[2..<(2 + length)])
                }
            }
            if hasEnded { return nil }
            switch socket.read(into: room.bytes) {
            case .octets(let count): incoming += room.bytes.view(count).array
            case .closed: hasEnded = true
            case .wouldBlock: try? await Task.sleep(for: .milliseconds(1))
            }
        }
        return nil
    }

    /// What a zone's messages hold, read until its second SOA or the end of the connection.
    struct Copy {
        var codes: [String] = []
        var records: [String] = []
        var sizes: [Int] = []

        var isWhole: Bool { records.count > 1 && isSOA(records.first) && isSOA(records.last) }

        private func isSOA(_ record: String?) -> Bool { record?.contains(" IN SOA ") ?? false }

        /// Without the two SOA.
        var inner: [String] { Array(records.dropFirst().dropLast()) }
    }

    /// How many records come until the second SOA or the end of the connection, without reading each of them.
    ///
    /// - Returns: their number, and the serial of the SOA at the end; nil when the last record is none.
    func count() async throws -> (records: Int, serial: UInt32?) {
        var records = 0
        while let octets = await message() {
            records += Int(octets[6]) << 8 | Int(octets[7])
            if records > 1, let serial = try Self.serial(atTheEndOf: octets) { return (records, serial) }
        }
        return (records, nil)
    }

    /// The serial of an SOA that is a message's last record; nil when that is another one.
    static func serial(atTheEndOf octets: [UInt8]) throws -> UInt32? {
        try withBytes(octets) { message -> UInt32? in
            var reader = MessageReader(message, at: try MessageReader.skipName(message, at: 12) + 4)
            for _ in 1..<max(Int(message.uint16(at: 6)), 1) { _ = try reader.next() }
            let last = try reader.next()
            return last.type == .soa ? message.uint32(at: last.dataOffset + last.dataLength - 20) : nil
        }
    }

    func copy() async throws -> Copy {
        var copy = Copy()
        while let octets = await message() {
            let text = try MessageText.text(of: octets)
            #expect(octets[0] == 0x42 && octets[1] == 0x42)
            copy.codes.append(text.code + (text.flags.contains("aa") ? " aa" : ""))
            copy.sizes.append(octets.count)
            copy.records += text.answer.map { $0.replacing("\t", with: " ") }
            if copy.isWhole || text.code != "NOERROR" || copy.records.count == 1 { break }
        }
        return copy
    }
}
