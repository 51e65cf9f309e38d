/// Identifies a scheduled timer until it fired.
package struct TimerID: Hashable, Sendable, BitwiseCopyable {
    let number: UInt64
    package static let none = TimerID(number: 0)
}

/// Timers of one loop, earliest first, and those of one time in the order in which they were scheduled.
///
/// A cancelled timer lets go of its target at once and of its place at its time.
struct TimerQueue {
    private struct Entry {
        var deadline: UInt64
        var number: UInt64

        /// Of one time those that were scheduled first.
        func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? number < other.number : deadline < other.deadline
        }
    }

    private struct Waiting {
        let target: any TimerTarget
        let token: UInt64
    }

    private var heap: [Entry] = []
    private var waiting: [UInt64: Waiting] = [:]
    private var next: UInt64 = 1

    mutating func insert(deadline: UInt64, target: any TimerTarget, token: UInt64) -> TimerID {
        let number = next
        next += 1
        waiting[number] = Waiting(target: target, token: token)
        heap.append(Entry(deadline: deadline, number: number))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
        return TimerID(number: number)
    }

    mutating func cancel(_ timer: TimerID) {
        waiting[timer.number] = nil
    }

    mutating func popDue(_ now: UInt64) -> (any TimerTarget, UInt64)? {
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            if let due = waiting.removeValue(forKey: first.number) { return (due.target, due.token) }
        }
        return nil
    }

    var nextDeadline: UInt64? { heap.first?.deadline }

    /// How long to wait for the next timer, -1 for ever, in whole milliseconds rounded up.
    func waitMilliseconds(_ now: UInt64) -> Int32 {
        guard let first = heap.first else { return -1 }
        guard first.deadline > now else { return 0 }
        return Int32(clamping: (first.deadline - now + 999_999) / 1_000_000)
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].isBefore(heap[smallest]) { smallest = child }
            }
            guard smallest != parent else { return }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
