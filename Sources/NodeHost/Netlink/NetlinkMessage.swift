import CNetlink

/// What is asked of the kernel.
struct NetlinkRequest: Equatable {
    /// As the kernel's headers name it.
    let name: String
    /// What of the node it is about.
    let place: String
    let type: UInt16
    /// Without NLM_F_REQUEST, which all have.
    let flags: Int32
    /// The header of the family and the attributes behind it.
    let body: [UInt8]

    /// The message as the kernel takes it.
    func octets(sequence: UInt32, adding more: Int32 = 0) -> [UInt8] {
        var result: [UInt8] = []
        ByteOrder.machine.append(UInt32(truncatingIfNeeded: NetlinkMessage.headerSize + body.count), to: &result)
        ByteOrder.machine.append(type, to: &result)
        ByteOrder.machine.append(UInt16(truncatingIfNeeded: NLM_F_REQUEST | flags | more), to: &result)
        ByteOrder.machine.append(sequence, to: &result)
        // The port of the sender: the kernel fills it in.
        ByteOrder.machine.append(UInt32(0), to: &result)
        result += body
        while result.count % 4 != 0 { result.append(0) }
        return result
    }
}

/// A message of the kernel.
struct NetlinkMessage: Equatable {
    static let headerSize = 16

    let type: UInt16
    let flags: UInt16
    let sequence: UInt32
    let body: ArraySlice<UInt8>

    /// All messages of one datagram.
    static func all(in octets: ArraySlice<UInt8>) throws(NetlinkFault) -> [NetlinkMessage] {
        var result: [NetlinkMessage] = []
        var rest = octets
        while !rest.isEmpty {
            guard let length: UInt32 = ByteOrder.machine.number(rest),
                let type: UInt16 = ByteOrder.machine.number(rest.dropFirst(4)),
                let flags: UInt16 = ByteOrder.machine.number(rest.dropFirst(6)),
                let sequence: UInt32 = ByteOrder.machine.number(rest.dropFirst(8))
            else { throw .truncated }
            guard Int(length) >= headerSize, Int(length) <= rest.count else { throw .tooDeep }
            let body = rest.prefix(Int(length)).dropFirst(headerSize)
            result.append(NetlinkMessage(type: type, flags: flags, sequence: sequence, body: body))
            rest = rest.dropFirst((Int(length) + 3) & ~3)
        }
        return result
    }

    /// What it means to whoever asked.
    enum Meaning: Equatable {
        /// A piece of what was asked for.
        case content
        /// The end of a list.
        case end
        case done
        /// With the kernel's words, where it has any.
        case refused(code: Int32, words: String?)
    }

    func meaning() throws(NetlinkFault) -> Meaning {
        switch Int32(type) {
        case NLMSG_DONE:
            // A list that broke off ends with the reason.
            guard let code: Int32 = ByteOrder.machine.number(body), code < 0 else { return .end }
            return .refused(code: Self.positive(code), words: nil)
        case NLMSG_ERROR:
            guard let code: Int32 = ByteOrder.machine.number(body) else { throw .truncated }
            return code == 0 ? .done : .refused(code: Self.positive(code), words: try words())
        default: return .content
        }
    }

    private static func positive(_ code: Int32) -> Int32 { Int32(truncatingIfNeeded: code.magnitude) }

    /// Behind the code stands the refused message's header, then the message unless it was left out, then attributes.
    private func words() throws(NetlinkFault) -> String? {
        guard flags & UInt16(NLM_F_ACK_TLVS) != 0 else { return nil }
        var start = 4 + Self.headerSize
        if flags & UInt16(NLM_F_CAPPED) == 0 {
            guard let length: UInt32 = ByteOrder.machine.number(body.dropFirst(4)) else { throw .truncated }
            guard Int(length) >= Self.headerSize, Int(length) <= body.count else { throw .tooDeep }
            start = 4 + ((Int(length) + 3) & ~3)
        }
        return try AttributeList(body.dropFirst(start)).text(NLMSGERR_ATTR_MSG)
    }
}
