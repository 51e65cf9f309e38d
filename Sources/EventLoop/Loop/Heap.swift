import CLinux

/// The process' heap: kept small, because a cluster runs many replicas.
package enum Heap {
    /// Few arenas: lists are decoded by whichever thread is free, and each arena keeps what its busiest moment took.
    package static func keepSmall() {
        cl_heap_limit(2, 1 << 20)
    }

    /// Octets of memory that this process has at the moment, its program's included; 0 where the kernel does not say.
    package static var residentOctets: Int { Int(cl_resident_octets()) }

    /// Returns what is free inside of the heap to the system, and leaves the program's pages alone.
    package static func trim() { cl_heap_trim() }

    /// Returns memory that is free to the system; worth its milliseconds after a list, not after an event.
    package static func giveBack() {
        trim()
        // Reading a whole cluster runs code that answering never does.
        cl_program_trim()
    }
}
