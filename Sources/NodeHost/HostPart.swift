/// A part of the node's network that is kept in step: an interface, or rules.
package protocol HostPart: Sendable {
    /// What is not as it should be; changes nothing.
    func findings() throws(HostError) -> [HostFinding]
    /// Makes it as it should be; what was not.
    func putRight() throws(HostError) -> [HostFinding]
    /// Takes away what this program put there; what that was.
    func remove() throws(HostError) -> [HostFinding]
}

/// Where the node is not as it should be, or was.
package struct HostFinding: Equatable, Sendable, CustomStringConvertible {
    package let place: String
    package let what: String

    package init(_ place: String, _ what: String) {
        self.place = place
        self.what = what
    }

    package var description: String { "\(place): \(what)" }
}
