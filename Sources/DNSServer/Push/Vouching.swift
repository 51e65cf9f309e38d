package import Snapshots

/// Says that a handler knows all answers to a question, and tells when they change.
package struct Vouching {
    /// Tells the changes.
    package let feed: ChangeFeed
    /// The number by which the feed names what the answers change with.
    package let key: UInt64

    package init(feed: ChangeFeed, key: UInt64) {
        self.feed = feed
        self.key = key
    }
}
