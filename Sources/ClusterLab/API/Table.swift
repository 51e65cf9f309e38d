/// Lists as `kubectl get` prints them.
enum Table {
    private typealias Column = (name: String, cell: @Sendable (JSONValue) -> String)

    private static func columns(_ kind: ResourceKind) -> [Column] {
        switch kind {
        case .service:
            [
                ("Type", { $0["spec"]["type"].text ?? "" }),
                ("Cluster-IP", { $0["spec"]["clusterIP"].text ?? "<none>" }),
                (
                    "External-IP",
                    {
                        let ingress = $0["status"]["loadBalancer"]["ingress"].elements.compactMap { $0["ip"].text }
                        return $0["spec"]["externalName"].text
                            ?? (ingress.isEmpty ? "<none>" : ingress.joined(separator: ","))
                    }
                ),
                (
                    "Port(s)",
                    {
                        $0["spec"]["ports"].elements.map {
                            "\($0["port"].number ?? 0)/\($0["protocol"].text ?? "TCP")"
                        }.joined(separator: ",")
                    }
                ),
            ]
        case .pod:
            [
                ("Ready", { EndpointSliceController.isReady($0) ? "1/1" : "0/1" }),
                ("Status", { $0["status"]["phase"].text ?? "" }), ("IP", { $0["status"]["podIP"].text ?? "<none>" }),
                ("Node", { $0["spec"]["nodeName"].text ?? "<none>" }),
            ]
        case .deployment, .replicaSet, .statefulSet:
            [
                (
                    "Ready",
                    { "\($0["status"]["readyReplicas"].number ?? 0)/\($0["spec"]["replicas"].number ?? 1)" }
                )
            ]
        case .endpointSlice:
            [
                ("AddressType", { $0["addressType"].text ?? "" }),
                (
                    "Endpoints",
                    {
                        let all = $0["endpoints"].elements.flatMap { $0["addresses"].elements.compactMap(\.text) }
                        return all.prefix(3).joined(separator: ",")
                            + (all.count > 3 ? " + \(all.count - 3) more..." : "")
                    }
                ),
            ]
        case .node, .namespace:
            [
                (
                    "Status",
                    {
                        $0["status"]["phase"].text
                            ?? ($0["status"]["conditions"].elements.contains {
                                $0["type"].text == "Ready" && $0["status"].text == "True"
                            } ? "Ready" : "NotReady")
                    }
                )
            ]
        case .configMap: [("Data", { String($0["data"].members.count) })]
        default: []
        }
    }

    static func of(_ objects: [StoredObject], _ kind: ResourceKind, version: UInt64) -> JSONValue {
        let columns = columns(kind)
        let names = ["Name"] + columns.map(\.name) + ["Age"]
        let now = Timestamp.now.seconds
        let rows = objects.map { stored -> JSONValue in
            let object = stored.value(kind)
            let born = object["metadata"]["creationTimestamp"].text.flatMap { Timestamp($0)?.seconds } ?? now
            let cells = [object.name] + columns.map { $0.cell(object) } + [age(now - born)]
            return [
                "cells": JSONValue(texts: cells),
                "object": [
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
                ],
            ]
        }
        return [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": ["resourceVersion": .string(String(version))],
            "columnDefinitions": .array(
                names.map {
                    [
                        "name": .string($0), "type": "string", "format": $0 == "Name" ? "name" : "", "description": "",
                        "priority": 0,
                    ]
                }), "rows": .array(rows),
        ]
    }

    private static func age(_ seconds: Int64) -> String {
        switch max(0, seconds) {
        case ..<120: "\(max(0, seconds))s"
        case ..<7200: "\(seconds / 60)m"
        case ..<172_800: "\(seconds / 3600)h"
        default: "\(seconds / 86400)d"
        }
    }
}
