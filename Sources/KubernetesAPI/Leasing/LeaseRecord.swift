internal import SwiftProtobuf
import Text

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
    /// `metadata` as it came; null for a lease that does not exist yet.
    var metadata = JSONValue.null

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
        metadata = try JSONValue(decoding: body).kept("metadata", of: "lease")
    }

    /// Whether `other` is the same state of the lease; one of the two may have been read without metadata.
    func isSame(as other: LeaseRecord?) -> Bool {
        guard var other else { return false }
        other.metadata = metadata
        return self == other
    }

    func body(namespace: String, name: String) -> [UInt8] {
        func time(_ seconds: Double) -> JSONValue {
            .string(Timestamp(secondsSince1970: seconds).text(fractionDigits: 6))
        }
        let body: JSONValue = [
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": metadata.isNull ? ["name": .string(name), "namespace": .string(namespace)] : metadata,
            "spec": [
                "holderIdentity": .string(holder), "leaseDurationSeconds": .int(Int64(seconds)),
                "acquireTime": time(acquired), "renewTime": time(renewed), "leaseTransitions": .int(Int64(transitions)),
                "strategy": strategy.isEmpty ? .null : .string(strategy),
                "preferredHolder": preferredHolder.isEmpty ? .null : .string(preferredHolder),
            ],
        ]
        return body.bytes
    }
}
