import DNSWire
import EventLoop

/// The connection of a DSO session, on its loop.
protocol PushPeer: TurnTarget {
    var peer: SocketAddress { get }
    /// Where the connection was accepted, which decides what is answered.
    var pushPlace: PushPlace? { get }

    /// Sends a message at the end of the turn, with all others that come before it.
    func push(_ message: [UInt8])

    /// Ends the connection at once: the client does not keep to the protocol (RFC 8490 §5.3), or does not read.
    func abort()
}

/// Where connections come in whose sessions are answered alike.
protocol PushPlace: AnyObject {
    var router: ServerBlockRouter { get }
}

/// One client's DSO session (RFC 8490) with its subscriptions (RFC 8765).
final class PushSession {
    unowned let peer: any PushPeer
    private let service: PushService
    /// Its number on this loop.
    let number: UInt32
    /// By the message id of their requests.
    private var subscriptions: [UInt16: PushTable.SubscriptionID] = [:]
    private var isEstablished = false
    private var keepAlive = PushLimits.keepAlive

    init(_ peer: any PushPeer, _ service: PushService) {
        self.peer = peer
        self.service = service
        number = service.takeNumber()
        service.opened(self)
    }

    /// True while the client wants to be told of something.
    var isActive: Bool { !subscriptions.isEmpty }

    /// Nanoseconds without a message from the client after which the session is ended (RFC 8490 §6.4, §6.5): twice what
    /// it was told.
    var patience: UInt64 { 2 * (isActive ? keepAlive : min(keepAlive, PushLimits.inactivity)) }

    func end() {
        for subscription in subscriptions.values { service.unsubscribe(subscription) }
        subscriptions = [:]
        service.closed(self)
    }

    // MARK: Messages

    /// - Parameter message: one for which `StatefulMessage.isOne` holds.
    func receive(_ message: ByteView) {
        let id = message.uint16(at: 0)
        guard let request = try? StatefulMessage(message) else {
            return id == 0 || message[2] & 0x80 != 0 ? peer.abort() : answer(id, .formatError)
        }
        // Nothing was asked of the client.
        if request.isResponse { return peer.abort() }
        guard let value = request.primary else { return id == 0 ? peer.abort() : answer(id, .formatError) }
        if id == 0 { isEstablished ? take(value) : peer.abort() } else { answer(id, value) }
    }

    private func answer(
        _ id: UInt16, _ code: ResponseCode, _ type: StatefulType? = nil, _ data: [UInt8] = []
    ) {
        peer.push(StatefulMessage.octets(id: id, isResponse: true, code: code, type, data))
        if code == .noError { isEstablished = true }
    }

    private func answer(_ id: UInt16, _ value: StatefulMessage.Value) {
        switch value.type {
        case .keepAlive: answerKeepAlive(id, value.data)
        case .subscribe: answerSubscribe(id, value.data)
        // These are sent without an id, or by servers alone.
        case .retryDelay, .push, .unsubscribe, .reconfirm, .encryptionPadding: peer.abort()
        default: answer(id, .typeNotImplemented)
        }
    }

    /// What is not answered.
    private func take(_ value: StatefulMessage.Value) {
        switch value.type {
        case .unsubscribe where value.data.count == 2:
            // One that was refused, or was given up already, is none.
            guard let subscription = subscriptions.removeValue(forKey: value.data.uint16(at: 0)) else { return }
            service.unsubscribe(subscription)
        case .reconfirm:
            guard let wanted = Wanted(value.data) else { return peer.abort() }
            service.reconfirm(wanted.name, wanted.type, self)
        default: peer.abort()
        }
    }

    /// The client says what it would like; what it gets is no less than ten seconds (RFC 8490 §7.1).
    private func answerKeepAlive(_ id: UInt16, _ data: ByteView) {
        guard data.count == 8 else { return answer(id, .formatError) }
        let wish = UInt64(data.uint32(at: 4)) * 1_000_000
        keepAlive = min(max(wish, PushLimits.shortestKeepAlive), PushLimits.longestKeepAlive)
        var granted: [UInt8] = []
        granted.append(bigEndian: UInt32(PushLimits.inactivity / 1_000_000))
        granted.append(bigEndian: UInt32(keepAlive / 1_000_000))
        answer(id, .noError, .keepAlive, granted)
    }

    /// A name with type and class, as SUBSCRIBE and RECONFIRM begin.
    private struct Wanted {
        /// Folded.
        var name: [UInt8]
        var type: RecordType
        var `class`: UInt16
        /// Octets that follow.
        var rest: Int

        init?(_ data: ByteView) {
            // A pointer would lead out of the value: names are written out (RFC 8765 §6.2.1).
            guard let end = MessageReader.skipPlainName(data, at: 0), end + 4 <= data.count else { return nil }
            name = data.slice(0, end).array.map(folded)
            type = RecordType(rawValue: data.uint16(at: end))
            `class` = data.uint16(at: end + 2)
            rest = data.count - end - 4
        }
    }

    private func answerSubscribe(_ id: UInt16, _ data: ByteView) {
        guard let wanted = Wanted(data), wanted.rest == 0 else { return answer(id, .formatError) }
        guard wanted.class == RecordClass.internet || wanted.class == RecordClass.any,
            wanted.type == .any || !wanted.type.isQuestionOnly
        else { return answer(id, .notAuthoritative) }
        // What is subscribed already, or an id in use, is an error of the client (RFC 8765 §6.2.1).
        guard subscriptions[id] == nil else { return peer.abort() }
        do {
            let (subscription, additions) = try service.subscribe(
                self, wanted.name, wanted.type, subscriptions.count)
            subscriptions[id] = subscription
            answer(id, .noError)
            if !additions.isEmpty { peer.push(StatefulMessage.octets(id: 0, .push, additions)) }
        } catch .duplicate {
            peer.abort()
        } catch {
            service.counters.countRefusal(error.reason)
            answer(id, error.code)
        }
    }
}
