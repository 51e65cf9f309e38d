/// How much of one connection is read in one turn of a loop: what takes half a millisecond to answer at most, so that a
/// client that always has more waits for its next turn as others do.
package struct StreamShare {
    /// Octets; a query has some forty.
    package private(set) var octets = 1024
    private static let sizes = 64...16_384
    /// Nanoseconds after which it is less, and below which it is more.
    private static let (longest, shortest): (UInt64, UInt64) = (500_000, 200_000)

    package init() {}

    /// Notes how many nanoseconds it took to answer so much.
    package mutating func took(_ time: UInt64) {
        if time > Self.longest {
            octets = max(octets / 2, Self.sizes.lowerBound)
        } else if time < Self.shortest {
            octets = min(octets * 2, Self.sizes.upperBound)
        }
    }
}
