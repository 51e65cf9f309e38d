import CNetlink

/// A step of a rule, as the kernel holds it: registers are read and compared until one comparison fails.
enum RuleExpression: Equatable, Hashable {
    /// What the packet is, by the kernel's number of the question.
    case meta(key: UInt32)
    /// So many octets of a header.
    case payload(base: UInt32, offset: UInt32, length: UInt32)
    /// The rule goes on when what was read last is this.
    case equals([UInt8])
    case noTrack
    case verdict(Int32)
    /// Text, as `iptables` keeps it.
    case comment(String)
    /// One that these rules do not have.
    case other(String)

    /// All expressions here use the first one.
    private static let register = UInt32(NFT_REG_1.rawValue)

    private var name: String {
        switch self {
        case .meta: "meta"
        case .payload: "payload"
        case .equals: "cmp"
        case .noTrack: "notrack"
        case .verdict: "immediate"
        case .comment: "match"
        case .other(let name): name
        }
    }

    var comment: String? {
        guard case .comment(let text) = self else { return nil }
        return text
    }

    func write(to list: inout AttributeWriter) {
        list.nest(NFTA_LIST_ELEM) { element in
            element.put(NFTA_EXPR_NAME, text: name)
            element.nest(NFTA_EXPR_DATA) { writeData(to: &$0) }
        }
    }

    private func writeData(to data: inout AttributeWriter) {
        switch self {
        case .meta(let key):
            data.put(NFTA_META_KEY, key, .network)
            data.put(NFTA_META_DREG, Self.register, .network)
        case .payload(let base, let offset, let length):
            data.put(NFTA_PAYLOAD_DREG, Self.register, .network)
            data.put(NFTA_PAYLOAD_BASE, base, .network)
            data.put(NFTA_PAYLOAD_OFFSET, offset, .network)
            data.put(NFTA_PAYLOAD_LEN, length, .network)
        case .equals(let octets):
            data.put(NFTA_CMP_SREG, Self.register, .network)
            data.put(NFTA_CMP_OP, NFT_CMP_EQ.rawValue, .network)
            data.nest(NFTA_CMP_DATA) { $0.put(NFTA_DATA_VALUE, octets) }
        case .verdict(let code):
            data.put(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT.rawValue, .network)
            data.nest(NFTA_IMMEDIATE_DATA) { value in
                value.nest(NFTA_DATA_VERDICT) { $0.put(NFTA_VERDICT_CODE, code, .network) }
            }
        // Comments are written beside the expressions.
        case .noTrack, .comment, .other: break
        }
    }

    /// - Parameter element: one of a rule's list of expressions.
    init(_ element: ArraySlice<UInt8>) throws(NetlinkFault) {
        let attributes = try AttributeList(element)
        let name = attributes.text(NFTA_EXPR_NAME) ?? ""
        self = try Self.known(name, try attributes.list(NFTA_EXPR_DATA)) ?? .other(name)
    }

    private static func known(_ name: String, _ data: AttributeList) throws(NetlinkFault) -> RuleExpression? {
        switch name {
        case "meta":
            guard data.number(NFTA_META_DREG, .network) == register,
                let key: UInt32 = data.number(NFTA_META_KEY, .network)
            else { return nil }
            return .meta(key: key)
        case "payload":
            guard data.number(NFTA_PAYLOAD_DREG, .network) == register,
                let base: UInt32 = data.number(NFTA_PAYLOAD_BASE, .network),
                let offset: UInt32 = data.number(NFTA_PAYLOAD_OFFSET, .network),
                let length: UInt32 = data.number(NFTA_PAYLOAD_LEN, .network)
            else { return nil }
            return .payload(base: base, offset: offset, length: length)
        case "cmp":
            guard data.number(NFTA_CMP_SREG, .network) == register,
                data.number(NFTA_CMP_OP, .network) == NFT_CMP_EQ.rawValue,
                let octets = try data.list(NFTA_CMP_DATA)[NFTA_DATA_VALUE]
            else { return nil }
            return .equals(Array(octets))
        case "immediate":
            guard data.number(NFTA_IMMEDIATE_DREG, .network) == NFT_REG_VERDICT.rawValue,
                let code: Int32 = try data.list(NFTA_IMMEDIATE_DATA).list(NFTA_DATA_VERDICT)
                    .number(NFTA_VERDICT_CODE, .network)
            else { return nil }
            return .verdict(code)
        case "notrack": return .noTrack
        case "match":
            guard data.text(NFTA_MATCH_NAME) == "comment" else { return nil }
            return data.text(NFTA_MATCH_INFO).map(RuleExpression.comment)
        default: return nil
        }
    }
}
