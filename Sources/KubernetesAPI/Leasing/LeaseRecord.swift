internal import SwiftProtobuf

/// A coordination.k8s.io/v1 Lease as it was read or is to be written.
package struct LeaseRecord: Sendable, Equatable {
    /// `spec.holderIdentity`; empty when nobody holds it.
    package var holder: String
    /// `spec.leaseDurationSeconds`
    package var seconds: Int
    /// `spec.acquireTime` and `spec.renewTime`, seconds since 1970; never compared with our clock.
    package var acquired: Double
    package var renewed: Double
    /// `spec.leaseTransitions`
    package var transitions: Int
    /// Members of `spec` for coordinated election, kept as they are.
    var strategy = ""
    var preferredHolder = ""
    /// `metadata` as it came; empty for a lease that does not exist yet.
    var metadata: [UInt8] = []

    package init(holder: String, seconds: Int, acquired: Double, renewed: Double, transitions: Int) {
        self.holder = holder
        self.seconds = seconds
        self.acquired = acquired
        self.renewed = renewed
        self.transitions = transitions
    }

    init(_ spec: WireLeaseSpec) {
        self.init(
            holder: spec.holderIdentity, seconds: Int(spec.leaseDurationSeconds),
            acquired: Double(spec.acquireTime.seconds) + Double(spec.acquireTime.nanos) * 1e-9,
            renewed: Double(spec.renewTime.seconds) + Double(spec.renewTime.nanos) * 1e-9,
            transitions: Int(spec.leaseTransitions))
        strategy = spec.strategy
        preferredHolder = spec.preferredHolder
    }

    init(json body: [UInt8]) throws(DecodingFailure) {
        self.init(try WireEncoding.json.read(WireLease.self, from: body).spec)
        guard let metadata = try JSONWriting.members(["metadata"], of: body)["metadata"] else {
            throw .malformed("lease without metadata")
        }
        self.metadata = metadata
    }

    /// Whether `other` is the same state of the lease; one of the two may have been read without metadata.
    func isSame(as other: LeaseRecord?) -> Bool {
        guard var other else { return false }
        other.metadata = metadata
        return self == other
    }

    func body(namespace: String, name: String) -> [UInt8] {
        let own = JSONWriting.strings(["name": name, "namespace": namespace])
        var spec = [
            #""holderIdentity":\#(JSONWriting.quoted(holder))"#, #""leaseDurationSeconds":\#(seconds)"#,
            #""acquireTime":"\#(Timestamps.text(acquired, fraction: true))""#,
            #""renewTime":"\#(Timestamps.text(renewed, fraction: true))""#, #""leaseTransitions":\#(transitions)"#,
        ]
        if !strategy.isEmpty { spec.append(#""strategy":\#(JSONWriting.quoted(strategy))"#) }
        if !preferredHolder.isEmpty { spec.append(#""preferredHolder":\#(JSONWriting.quoted(preferredHolder))"#) }
        return Array(#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":"#.utf8)
            + (metadata.isEmpty ? Array(own.utf8) : metadata)
            + Array(#","spec":{\#(spec.joined(separator: ","))}}"#.utf8)
    }
}
