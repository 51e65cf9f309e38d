import Synchronization

/// A value that one writer replaces whole and many loops read without locks.
package final class Published<Value: Sendable>: Sendable {
    private let newestGeneration = Atomic<UInt64>(1)
    private let newest: Mutex<Value>

    package init(_ first: Value) { newest = Mutex(first) }

    /// Counts up with every value published; an ordinary load on the reading side.
    package var generation: UInt64 { newestGeneration.load(ordering: .acquiring) }

    /// The newest value; takes the lock, so loops call it only when `generation` moved.
    package var value: Value { newest.withLock { $0 } }

    package func publish(_ value: Value) {
        newest.withLock { $0 = value }
        newestGeneration.wrappingAdd(1, ordering: .releasing)
    }
}

/// One loop's reading end: holds the value it saw last until a newer one is published.
package struct Subscription<Value: Sendable> {
    private let source: Published<Value>
    private var seen: UInt64
    package private(set) var value: Value

    package init(_ source: Published<Value>) {
        self.source = source
        seen = source.generation
        value = source.value
    }

    /// True when a newer value was taken over.
    @discardableResult
    package mutating func refresh() -> Bool {
        let current = source.generation
        guard current != seen else { return false }
        seen = current
        value = source.value
        return true
    }
}
