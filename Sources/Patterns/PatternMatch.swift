/// Where a pattern was found in a text, and what its groups took in.
package struct PatternMatch: Equatable, Sendable {
    let text: [UInt8]
    /// Octets of the whole match, then of each group; nil for a group that took no part.
    package let groups: [Range<Int>?]

    /// The octets of a group, 0 for the whole match; nil when there is no such group or it took no part.
    package func octets(of group: Int) -> [UInt8]? {
        guard groups.indices.contains(group), let range = groups[group] else { return nil }
        return Array(text[range])
    }
}
