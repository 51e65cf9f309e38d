/// One thing that takes octets from outside, and what must hold for all of them.
package struct FuzzTarget: Sendable {
    package let name: String
    /// What it feeds, and what it holds the outcome against, in one line.
    package let about: String
    /// Makes what every input shares. What the result throws is a finding, as an end of the process is.
    package let prepare: @Sendable () throws -> ([UInt8]) throws -> Void

    package init(name: String, about: String, prepare: @escaping @Sendable () throws -> ([UInt8]) throws -> Void) {
        self.name = name
        self.about = about
        self.prepare = prepare
    }
}

/// Ends the process when a claim does not hold: libFuzzer keeps the input as it does when Swift itself stops.
package func hold(_ claim: Bool, _ finding: @autoclosure () -> String) {
    guard !claim else { return }
    print("FINDING: \(finding())")
    fatalError(finding())
}
