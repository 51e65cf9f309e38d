import FuzzDriver

/// All other targets.
@main enum Fuzzing {
    static func main() {
        FuzzTarget.drive(
            FuzzTarget.servers + FuzzTarget.upstreams + FuzzTarget.texts + FuzzTarget.cluster + FuzzTarget.streams
                + FuzzTarget.records)
    }
}
