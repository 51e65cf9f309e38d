/// What is wrong with octets that should be netlink messages.
enum NetlinkFault: Error, Equatable, CustomStringConvertible {
    case truncated, tooDeep

    var description: String {
        switch self {
        case .truncated: "ends too early"
        case .tooDeep: "has a length that does not fit"
        }
    }
}
