/// Takes numbers and octets off an input; zero once nothing is left, so that every input is one.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ octets: [UInt8]) { rest = octets[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func octet() -> UInt8 { rest.popFirst() ?? 0 }

    /// From 0 up to, and without, `limit`.
    mutating func number(below limit: Int) -> Int { Int(octet()) % max(limit, 1) }

    mutating func octets(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(below: elements.count)] }

    mutating func remaining() -> [UInt8] { octets(rest.count) }
}
