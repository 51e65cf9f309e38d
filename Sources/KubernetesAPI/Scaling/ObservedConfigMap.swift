internal import SwiftProtobuf

/// A ConfigMap as it was read.
package struct ObservedConfigMap: Sendable, Equatable {
    package var data: [String: String]
    /// `metadata.resourceVersion`
    package var version: String
    package var uid: String

    package init(data: [String: String], version: String, uid: String = "") {
        self.data = data
        self.version = version
        self.uid = uid
    }

    init(_ map: WireConfigMap) {
        self.init(data: map.data, version: map.metadata.resourceVersion, uid: map.metadata.uid)
    }
}
