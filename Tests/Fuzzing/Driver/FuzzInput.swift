/// Takes numbers and octets off an input; zero once nothing is left, so that every input is one.
package struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    package init(_ octets: [UInt8]) { rest = octets[...] }

    package var isAtEnd: Bool { rest.isEmpty }

    package mutating func octet() -> UInt8 { rest.popFirst() ?? 0 }

    /// From 0 up to, and without, `limit`.
    package mutating func number(below limit: Int) -> Int { Int(octet()) % max(limit, 1) }

    package mutating func octets(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken
    }

    package mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(below: elements.count)] }

    package mutating func remaining() -> [UInt8] { octets(rest.count) }
}
