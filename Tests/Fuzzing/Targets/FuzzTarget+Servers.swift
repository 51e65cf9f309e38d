import FuzzDriver

extension FuzzTarget {
    /// Octets to a whole server in memory (F4).
    static let servers = [
        FuzzTarget(
            name: "server", about: "a message to cluster zones, a file and templates; what holds for every response"
        ) {
            let bench = try ServerBench()
            return { octets in bench.check(octets) }
        }
    ]
}
