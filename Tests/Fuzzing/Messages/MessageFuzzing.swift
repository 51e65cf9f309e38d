import FuzzDriver

/// The targets that read messages alone, in a program that has little else: libFuzzer looks at the counters of a whole
/// program after each input.
@main enum MessageFuzzing {
    static func main() { FuzzTarget.drive(FuzzTarget.messages) }
}
