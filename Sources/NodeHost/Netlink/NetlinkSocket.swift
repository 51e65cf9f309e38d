import CNetlink
import Glibc

/// A conversation with one part of the kernel.
struct NetlinkSocket: ~Copyable {
    /// Whom it speaks with.
    enum Family {
        case route, netfilter

        var number: Int32 { self == .route ? NETLINK_ROUTE : NETLINK_NETFILTER }
        /// What the first call that opens it is named in errors.
        var call: String { self == .route ? "socket(NETLINK_ROUTE)" : "socket(NETLINK_NETFILTER)" }
    }

    private let descriptor: Int32
    private let call: String
    private var sequence: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 65536)  // The kernel sends half of that together at most.

    init(_ family: Family, place: String) throws(HostError) {
        call = family.call
        descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), family.number)
        guard descriptor >= 0 else { throw HostError(code: cn_errno(), call: call, place: place) }
        // Without them errors have fewer words, which an old kernel may do.
        var yes: Int32 = 1
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
            _ = unsafe setsockopt(descriptor, SOL_NETLINK, option, &yes, 4)
        }
        // The kernel answers within the call that asks; this is for one that does not.
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { _ = close(descriptor) }

    /// Has one thing done; what the kernel says to it.
    @discardableResult
    mutating func perform(_ request: NetlinkRequest) throws(HostError) -> [NetlinkMessage] {
        var found: [NetlinkMessage] = []
        try send(request.octets(sequence: next(), adding: NLM_F_ACK), of: request)
        try collect(request, upTo: sequence) { found.append($0) }
        return found
    }

    /// What is asked for, piece by piece.
    mutating func list(_ request: NetlinkRequest) throws(HostError) -> [NetlinkMessage] {
        // A list during which something changed may have lost a piece; one that changes all the time is as good as any.
        for _ in 0..<5 {
            var found: [NetlinkMessage] = []
            var isWhole = true
            try send(request.octets(sequence: next(), adding: NLM_F_DUMP), of: request)
            try collect(request, upTo: sequence) { message in
                if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { isWhole = false }
                found.append(message)
            }
            if isWhole { return found }
        }
        throw HostError(
            place: request.place, call: request.name, found: "a list that changes while it is read",
            expected: "a moment without changes; it is tried again")
    }

    /// Has all of it done at once, or nothing.
    mutating func transact(_ requests: [NetlinkRequest]) throws(HostError) {
        guard let last = requests.last else { return }
        var octets = BatchEdge.begin.request.octets(sequence: next())
        let first = sequence &+ 1
        for (index, request) in requests.enumerated() {
            octets += request.octets(sequence: next(), adding: index == requests.count - 1 ? NLM_F_ACK : 0)
        }
        let acknowledged = sequence
        octets += BatchEdge.end.request.octets(sequence: next())
        try send(octets, of: last)
        try collect(
            last, upTo: acknowledged,
            named: { number in
                let index = Int(number &- first)
                return requests.indices.contains(index) ? requests[index] : nil
            }
        ) { _ in }
    }

    private mutating func next() -> UInt32 {
        sequence &+= 1
        return sequence
    }

    private func send(_ octets: [UInt8], of request: NetlinkRequest) throws(HostError) {
        let count = unsafe Glibc.send(descriptor, octets, octets.count, 0)
        guard count == octets.count else {
            throw HostError(code: cn_errno(), call: "\(request.name) (send)", place: request.place)
        }
    }

    /// Reads answers until the message `last` is answered for.
    ///
    /// - Parameter named: the request with a sequence number; all are of `request` without it.
    private mutating func collect(
        _ request: NetlinkRequest, upTo last: UInt32, named: (UInt32) -> NetlinkRequest? = { _ in nil },
        content: (NetlinkMessage) -> Void
    ) throws(HostError) {
        while true {
            let messages = try receive(request)
            for message in messages {
                let meaning: NetlinkMessage.Meaning
                do throws(NetlinkFault) {
                    meaning = try message.meaning()
                } catch {
                    throw HostError(error, call: request.name, place: request.place)
                }
                switch meaning {
                case .content: if message.sequence == last { content(message) }
                case .end, .done: if message.sequence == last { return }
                case .refused(let code, let words):
                    let refused = named(message.sequence) ?? request
                    throw HostError(code: code, call: refused.name, place: refused.place, words: words)
                }
            }
        }
    }

    private mutating func receive(_ request: NetlinkRequest) throws(HostError) -> [NetlinkMessage] {
        var count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        while count < 0, cn_errno() == EINTR { count = unsafe recv(descriptor, &buffer, buffer.count, 0) }
        guard count > 0 else { throw HostError(code: cn_errno(), call: "\(request.name) (recv)", place: request.place) }
        do throws(NetlinkFault) {
            return try NetlinkMessage.all(in: buffer.prefix(count))
        } catch {
            throw HostError(error, call: request.name, place: request.place)
        }
    }
}

/// Where a transaction of nf_tables begins and ends.
private enum BatchEdge {
    case begin, end

    var request: NetlinkRequest {
        NetlinkRequest(
            name: "NFT_BATCH", place: "nftables",
            type: UInt16(self == .begin ? NFNL_MSG_BATCH_BEGIN : NFNL_MSG_BATCH_END), flags: 0,
            // Family, version, and the part of netfilter that it is for.
            body: [0, 0] + ByteOrder.network.octets(UInt16(NFNL_SUBSYS_NFTABLES)))
    }
}
