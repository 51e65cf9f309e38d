package import ClusterModel
package import Text

/// Where a kind of object is found in the API.
package struct ResourceCollection: Hashable, Sendable {
    /// Empty for the core group.
    package let group: String
    package let version: String
    /// Plural, as RBAC names it.
    package let resource: String
    /// Label selector; empty for all.
    package let labels: String

    package init(group: String = "", version: String = "v1", _ resource: String, labels: String = "") {
        self.group = group
        self.version = version
        self.resource = resource
        self.labels = labels
    }
}

/// What is kept of an object of any kind.
package struct FollowedResource<Content: Sendable>: Sendable {
    package let key: ObjectKey
    package let content: Content

    package init(key: ObjectKey, content: Content) {
        self.key = key
        self.content = content
    }
}

extension Reflector {
    /// All objects of a kind that may be a custom one: those have no form but JSON.
    ///
    /// - Parameter content: what is kept of one.
    package static func resources<Content>(
        _ connection: APIConnection, _ collection: ResourceCollection,
        _ content: @escaping @Sendable (JSONValue) -> Content
    ) -> Self where Object == FollowedResource<Content> {
        var options = ReflectorOptions()
        options.encoding = .json
        let followed = FollowedCollection(
            group: collection.group, version: collection.version, collection.resource,
            selection: [("labelSelector", collection.labels)], mayBeAbsent: true)
        return Self(connection, followed, options) { bytes, encoding, _ throws(DecodingFailure) in
            guard encoding == .json else { throw .malformed("an object that is not JSON") }
            let object = try JSONValue(decoding: bytes)
            let metadata = object["metadata"]
            guard let name = metadata["name"].text, !name.isEmpty else { throw .malformed("object without a name") }
            let key = ObjectKey(namespace: metadata["namespace"].text ?? "", name: name)
            return (FollowedResource(key: key, content: content(object)), metadata["resourceVersion"].text ?? "")
        }
    }
}
