/// One thing that takes octets from outside, and what must hold for all of them.
struct FuzzTarget: Sendable {
    let name: String
    /// What it feeds, and what it holds the outcome against, in one line.
    let about: String
    /// Makes what every input shares. What the result throws is a finding, as an end of the process is.
    let prepare: @Sendable () throws -> ([UInt8]) throws -> Void

    static let all: [FuzzTarget] =
        messages + servers + upstreams + texts + cluster + streams + records

    static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Ends the process when a claim does not hold: libFuzzer keeps the input as it does when Swift itself stops.
func hold(_ claim: Bool, _ finding: @autoclosure () -> String) {
    guard !claim else { return }
    print("FINDING: \(finding())")
    fatalError(finding())
}
