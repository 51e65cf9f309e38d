import Synchronization

/// Tells whoever listens what changed with each newly published value.
package final class ChangeFeed: Sendable {
    package enum Changes: Sendable {
        /// Numbers of what is to be looked at again: what one of them stands for, writer and listeners have agreed upon.
        case keys([UInt64])
        /// Anything may have changed.
        case all
    }

    private struct Listeners {
        var hear: [ObjectIdentifier: @Sendable (Changes) -> Void] = [:]
    }

    private let listeners = Mutex(Listeners())
    private let count = Atomic<Int>(0)

    package init() {}

    /// True when somebody listens: else nobody need find out what changed.
    ///
    /// A writer that asked before it published asks again afterwards: who began to listen in between is told `all`.
    package var isHeard: Bool { count.load(ordering: .sequentiallyConsistent) > 0 }

    /// What is read after this returns is either the newest value, or `hear` is called for what follows it.
    package func listen(_ listener: AnyObject, _ hear: @escaping @Sendable (Changes) -> Void) {
        listeners.withLock {
            $0.hear[ObjectIdentifier(listener)] = hear
            count.store($0.hear.count, ordering: .sequentiallyConsistent)
        }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    package func leave(_ listener: AnyObject) {
        listeners.withLock {
            $0.hear[ObjectIdentifier(listener)] = nil
            count.store($0.hear.count, ordering: .sequentiallyConsistent)
        }
    }

    package func tell(_ changes: Changes) {
        if case .keys(let keys) = changes, keys.isEmpty { return }
        for hear in listeners.withLock({ Array($0.hear.values) }) { hear(changes) }
    }
}
