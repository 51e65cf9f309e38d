import Hummingbird
import Text

/// Discovery of everything in one document (apidiscovery.k8s.io), which clients ask for before anything else.
enum AggregatedDiscovery {
    /// The document for a client that accepts it; nil for one that does not.
    static func answer(_ accept: String?, isLegacy: Bool, _ kinds: [ResourceKind]) -> Response? {
        guard let version = version(in: accept ?? "") else { return nil }
        let names = isLegacy ? [""] : Discovery.groupNames(kinds)
        let list: JSONValue = [
            "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"),
            "metadata": .object([]), "items": .array(names.map { group($0, kinds) }),
        ]
        let type = "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
        return APIResponder.bytes(.ok, list.bytes + [0x0A], type: type)
    }

    /// The first version of the document that the header names, unless plain JSON is named before.
    private static func version(in accept: String) -> String? {
        for choice in accept.split(separator: ",") {
            let parts = choice.split(separator: ";").map { $0.trimmed }
            guard parts.first == "application/json" || parts.first == "*/*" else { continue }
            let isAggregated = parts.contains("g=apidiscovery.k8s.io") && parts.contains("as=APIGroupDiscoveryList")
            guard isAggregated else { return nil }
            for version in ["v2", "v2beta1"] where parts.contains("v=\(version)"[...]) { return version }
        }
        return nil
    }

    private static func group(_ name: String, _ kinds: [ResourceKind]) -> JSONValue {
        let versions = Discovery.versions(of: name, kinds).map { version -> JSONValue in
            let resources = kinds.filter { $0.group == name && $0.version == version }.map(resource)
            let reviews = AccessReviews.kinds.filter { $0.group == name }.map { review -> JSONValue in
                [
                    "resource": .string(review.plural), "scope": "Cluster", "verbs": ["create"],
                    "responseKind": ["group": .string(name), "version": "v1", "kind": .string(review.kind)],
                    "singularResource": .string(review.kind.lowercased()),
                ]
            }
            return [
                "version": .string(version), "freshness": "Current", "resources": .array(resources + reviews),
            ]
        }
        return ["metadata": name.isEmpty ? .object([]) : ["name": .string(name)], "versions": .array(versions)]
    }

    private static func resource(_ kind: ResourceKind) -> JSONValue {
        let parts = kind.subresources.map { subresource -> JSONValue in
            let part = Discovery.part(subresource, of: kind)
            return [
                "subresource": .string(subresource), "verbs": part.verbs,
                "responseKind": [
                    "group": .string(part.group), "version": .string(part.version), "kind": .string(part.kind),
                ],
            ]
        }
        return [
            "resource": .string(kind.plural), "scope": kind.isNamespaced ? "Namespaced" : "Cluster",
            "responseKind": [
                "group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind),
            ], "singularResource": .string(kind.singular), "verbs": Discovery.verbs,
            "shortNames": kind.shortNames.isEmpty ? .null : JSONValue(texts: kind.shortNames),
            "categories": kind.categories.isEmpty ? .null : JSONValue(texts: kind.categories),
            "subresources": parts.isEmpty ? .null : .array(parts),
        ]
    }
}
