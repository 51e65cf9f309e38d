import CLinux

/// The process' heap: kept small, because a cluster runs many replicas.
package enum Heap {
    /// Few arenas: lists are decoded by whichever thread is free, and each arena keeps what its busiest moment took.
    package static func keepSmall() {
        cl_heap_limit(2, 1 << 20)
    }

    /// Returns memory that is free to the system; worth its milliseconds after a list, not after an event.
    package static func giveBack() {
        cl_heap_trim()
        // Reading a whole cluster runs code that answering never does.
        cl_program_trim()
    }
}
