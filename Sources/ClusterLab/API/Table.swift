import Text

/// Lists as `kubectl get` prints them.
enum Table {
    static func of(_ objects: [StoredObject], _ kind: ResourceKind, version: UInt64) -> JSONValue {
        let columns = TableColumn.all(of: kind)
        let rows = objects.map { stored -> JSONValue in
            let object = stored.value(kind)
            return [
                "cells": JSONValue(texts: columns.map { $0.cell(object) }),
                "object": [
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
                ],
            ]
        }
        return [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": ["resourceVersion": .string(String(version))],
            "columnDefinitions": .array(
                columns.map { column in
                    [
                        "name": .string(column.name), "type": "string", "format": column.name == "Name" ? "name" : "",
                        "description": "", "priority": .int(column.isWide ? 1 : 0),
                    ]
                }), "rows": .array(rows),
        ]
    }
}

/// One column of a kind's table.
struct TableColumn: Sendable {
    let name: String
    /// Shown only with `-o wide`.
    var isWide = false
    let cell: @Sendable (JSONValue) -> String

    private init(_ name: String, isWide: Bool = false, _ cell: @escaping @Sendable (JSONValue) -> String) {
        (self.name, self.isWide, self.cell) = (name, isWide, cell)
    }

    /// The columns of a kind, with the names and in the order of the API server.
    static func all(of kind: ResourceKind) -> [TableColumn] {
        if let custom = kind.custom { return Self.custom(custom) }
        return switch kind.kind {
        case "Service":
            [
                name, text("Type", "spec", "type"), TableColumn("Cluster-IP") { $0["spec"]["clusterIP"].shown },
                TableColumn("External-IP", externalAddress), TableColumn("Port(s)", servicePorts), age,
                TableColumn("Selector", isWide: true) { labels($0["spec"]["selector"]) },
            ]
        case "Pod":
            [
                name, TableColumn("Ready", readyContainers), TableColumn("Status", podStatus),
                TableColumn("Restarts", restarts), age,
                TableColumn("IP", isWide: true) { $0["status"]["podIP"].shown },
                TableColumn("Node", isWide: true) { $0["spec"]["nodeName"].shown },
                TableColumn("Nominated Node", isWide: true) { $0["status"]["nominatedNodeName"].shown },
                TableColumn("Readiness Gates", isWide: true) { _ in "<none>" },
            ]
        case "Deployment":
            [
                name, readyOfWanted, count("Up-to-date", "updatedReplicas"), count("Available", "availableReplicas"),
                age,
            ] + containers + [selector]
        case "ReplicaSet":
            [
                name, TableColumn("Desired") { String($0["spec"]["replicas"].number ?? 1) },
                count("Current", "replicas"), count("Ready", "readyReplicas"), age,
            ] + containers + [selector]
        case "StatefulSet": [name, readyOfWanted, age] + containers
        case "DaemonSet":
            [
                name, count("Desired", "desiredNumberScheduled"), count("Current", "currentNumberScheduled"),
                count("Ready", "numberReady"), count("Up-to-date", "updatedNumberScheduled"),
                count("Available", "numberAvailable"),
                TableColumn("Node Selector") { labels($0["spec"]["template"]["spec"]["nodeSelector"]) }, age,
            ] + containers + [selector]
        case "EndpointSlice":
            [
                name, text("AddressType", "addressType"),
                TableColumn("Ports") { slice in
                    few(slice["ports"].elements.map { $0["port"].number.map { String($0) } ?? "*" }, orElse: "<unset>")
                },
                TableColumn("Endpoints") { slice in
                    few(
                        slice["endpoints"].elements.flatMap { $0["addresses"].elements.compactMap(\.text) },
                        orElse: "<unset>")
                }, age,
            ]
        case "Endpoints":
            [name, TableColumn("Endpoints") { few(addressesWithPorts($0), orElse: "<none>") }, age]
        case "Node":
            [
                name, TableColumn("Status", nodeStatus), TableColumn("Roles", nodeRoles), age,
                text("Version", "status", "nodeInfo", "kubeletVersion"),
                TableColumn("Internal-IP", isWide: true) { nodeAddress($0, "InternalIP") },
                TableColumn("External-IP", isWide: true) { nodeAddress($0, "ExternalIP") },
                TableColumn("OS-Image", isWide: true) { $0["status"]["nodeInfo"]["osImage"].shown },
                TableColumn("Kernel-Version", isWide: true) { $0["status"]["nodeInfo"]["kernelVersion"].shown },
                TableColumn("Container-Runtime", isWide: true) {
                    $0["status"]["nodeInfo"]["containerRuntimeVersion"].shown
                },
            ]
        case "Event": eventColumns
        case "Namespace": [name, text("Status", "status", "phase"), age]
        case "ConfigMap":
            [
                name,
                TableColumn("Data") { String($0["data"].members.count + $0["binaryData"].members.count) }, age,
            ]
        case "ServiceAccount": [name, TableColumn("Secrets") { String($0["secrets"].elements.count) }, age]
        case "Lease": [name, text("Holder", "spec", "holderIdentity"), age]
        case "ServiceCIDR":
            [
                name, TableColumn("CIDRs") { $0["spec"]["cidrs"].elements.compactMap(\.text).joined(separator: ",") },
                age,
            ]
        case "ServiceImport":
            [
                name, text("Type", "spec", "type"),
                TableColumn("IP") { JSONValue.array($0["spec"]["ips"].elements).line }, age,
            ]
        case "PodDisruptionBudget":
            [
                name, TableColumn("Min Available") { $0["spec"]["minAvailable"].orNotApplicable },
                TableColumn("Max Unavailable") { $0["spec"]["maxUnavailable"].orNotApplicable },
                count("Allowed Disruptions", "disruptionsAllowed"), age,
            ]
        case "ClusterRoleBinding", "RoleBinding":
            [
                name, TableColumn("Role") { "\($0["roleRef"]["kind"].text ?? "")/\($0["roleRef"]["name"].text ?? "")" },
                age,
            ]
        case "Secret":
            [
                name, TableColumn("Type") { $0["type"].text ?? "Opaque" },
                TableColumn("Data") { String($0["data"].members.count) }, age,
            ]
        case "ReplicationController":
            [
                name, TableColumn("Desired") { String($0["spec"]["replicas"].number ?? 1) },
                count("Current", "replicas"), count("Ready", "readyReplicas"), age,
            ] + containers + [TableColumn("Selector", isWide: true) { labels($0["spec"]["selector"]) }]
        case "PriorityClass":
            [
                name, TableColumn("Value") { String($0["value"].number ?? 0) },
                TableColumn("Global-Default") { String($0["globalDefault"].flag ?? false) }, age,
                TableColumn("PreemptionPolicy") { $0["preemptionPolicy"].text ?? "PreemptLowerPriority" },
            ]
        case "NetworkPolicy":
            [name, TableColumn("Pod-Selector") { labels($0["spec"]["podSelector"]["matchLabels"]) }, age]
        case "Ingress":
            [
                name, TableColumn("Class") { $0["spec"]["ingressClassName"].text ?? "<none>" },
                TableColumn("Hosts") { object in
                    let hosts = object["spec"]["rules"].elements.compactMap { $0["host"].text }
                    return hosts.isEmpty ? "*" : hosts.joined(separator: ",")
                },
                TableColumn("Address") { object in
                    object["status"]["loadBalancer"]["ingress"].elements
                        .compactMap { $0["ip"].text ?? $0["hostname"].text }.joined(separator: ",")
                }, TableColumn("Ports") { $0["spec"]["tls"].elements.isEmpty ? "80" : "80, 443" }, age,
            ]
        case "HorizontalPodAutoscaler":
            [
                name,
                TableColumn("Reference") {
                    let target = $0["spec"]["scaleTargetRef"]
                    return "\(target["kind"].text ?? "")/\(target["name"].text ?? "")"
                }, TableColumn("Targets") { _ in "<unknown>" },
                TableColumn("MinPods") { String($0["spec"]["minReplicas"].number ?? 1) },
                TableColumn("MaxPods") { String($0["spec"]["maxReplicas"].number ?? 0) },
                count("Replicas", "currentReplicas"), age,
            ]
        case "ClusterRole", "Role", "CustomResourceDefinition":
            [name, text("Created At", "metadata", "creationTimestamp")]
        default: [name, age]
        }
    }

    /// The columns a definition asks for; age where it asks for none.
    private static func custom(_ custom: CustomVersion) -> [TableColumn] {
        if custom.columns.isEmpty { return [name, age] }
        return [name]
            + custom.columns.map { title, path, isWide in
                TableColumn(title, isWide: isWide) { object in
                    let value = object[path: path]
                    if path.last?.hasSuffix("Timestamp") == true { return since(value) }
                    return value.text ?? (value.isNull ? "" : value.line)
                }
            }
    }

    // MARK: Columns of several kinds

    private static let name = TableColumn("Name", \.name)
    private static let age = TableColumn("Age") { since($0["metadata"]["creationTimestamp"]) }
    private static let selector = TableColumn("Selector", isWide: true) {
        labels($0["spec"]["selector"]["matchLabels"])
    }
    private static let containers = [("Containers", "name"), ("Images", "image")].map { title, member in
        TableColumn(title, isWide: true) {
            $0["spec"]["template"]["spec"]["containers"].elements.compactMap { $0[member].text }.joined(separator: ",")
        }
    }
    private static let readyOfWanted = TableColumn("Ready") {
        "\($0["status"]["readyReplicas"].number ?? 0)/\($0["spec"]["replicas"].number ?? 1)"
    }

    private static func text(_ name: String, _ path: String...) -> TableColumn {
        TableColumn(name) { $0[path: path].text ?? "" }
    }

    private static func count(_ name: String, _ member: String) -> TableColumn {
        TableColumn(name) { String($0["status"][member].number ?? 0) }
    }

    /// Events have no column for their name in front.
    private static let eventColumns = [
        TableColumn("Last Seen") { event in
            let times = [
                event["series"]["lastObservedTime"], event["lastTimestamp"], event["deprecatedLastTimestamp"],
                event["eventTime"], event["firstTimestamp"],
            ]
            return since(times.first { $0.text?.isEmpty == false } ?? .null)
        },
        text("Type", "type"), text("Reason", "reason"),
        TableColumn("Object") { event in
            let object = event.has("regarding") ? event["regarding"] : event["involvedObject"]
            return "\((object["kind"].text ?? "").lowercased())/\(object["name"].text ?? "")"
        },
        TableColumn("Source", isWide: true) {
            $0["source"]["component"].text ?? $0["reportingComponent"].text ?? $0["reportingController"].text ?? ""
        },
        TableColumn("Message") { String(String(($0["message"].text ?? $0["note"].text ?? "").trimmed)) },
        TableColumn("Count", isWide: true) { String($0["series"]["count"].number ?? $0["count"].number ?? 1) },
        TableColumn("Name", isWide: true, \.name),
    ]

    // MARK: Cells

    private static func externalAddress(_ service: JSONValue) -> String {
        let given = service["spec"]["externalIPs"].elements.compactMap(\.text)
        switch service["spec"]["type"].text {
        case "ExternalName": return service["spec"]["externalName"].shown
        case "LoadBalancer":
            let ingress = service["status"]["loadBalancer"]["ingress"].elements.compactMap {
                $0["ip"].text ?? $0["hostname"].text
            }
            return ingress.isEmpty && given.isEmpty ? "<pending>" : (ingress + given).joined(separator: ",")
        default: return given.isEmpty ? "<none>" : given.joined(separator: ",")
        }
    }

    private static func servicePorts(_ service: JSONValue) -> String {
        let ports = service["spec"]["ports"].elements.map { port in
            let outside = port["nodePort"].number.flatMap { $0 > 0 ? ":\($0)" : nil } ?? ""
            return "\(port["port"].number ?? 0)\(outside)/\(port["protocol"].text ?? "TCP")"
        }
        return ports.isEmpty ? "<none>" : ports.joined(separator: ",")
    }

    private static func readyContainers(_ pod: JSONValue) -> String {
        let ready = pod["status"]["containerStatuses"].elements.filter { $0["ready"].flag == true }
        return "\(ready.count)/\(pod["spec"]["containers"].elements.count)"
    }

    private static func podStatus(_ pod: JSONValue) -> String {
        if !pod["metadata"]["deletionTimestamp"].isNull { return "Terminating" }
        let reasons = pod["status"]["containerStatuses"].elements.compactMap {
            $0["state"]["waiting"]["reason"].text ?? $0["state"]["terminated"]["reason"].text
        }
        return reasons.last ?? pod["status"]["reason"].text ?? pod["status"]["phase"].text ?? ""
    }

    private static func restarts(_ pod: JSONValue) -> String {
        var sum: Int64 = 0
        for container in pod["status"]["containerStatuses"].elements {
            sum = sum.addingReportingOverflow(container["restartCount"].number ?? 0).partialValue
        }
        return String(sum)
    }

    private static func nodeStatus(_ node: JSONValue) -> String {
        let condition = node["status"]["conditions"].elements.first { $0["type"].text == "Ready" }
        let status = condition.map { $0["status"].text == "True" ? "Ready" : "NotReady" } ?? "Unknown"
        return status + (node["spec"]["unschedulable"].flag == true ? ",SchedulingDisabled" : "")
    }

    private static func nodeRoles(_ node: JSONValue) -> String {
        let prefix = "node-role.kubernetes.io/"
        let roles = node.labels.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        return roles.isEmpty ? "<none>" : roles.sorted().joined(separator: ",")
    }

    private static func nodeAddress(_ node: JSONValue, _ type: String) -> String {
        (node["status"]["addresses"].elements.first { $0["type"].text == type }?["address"] ?? .null).shown
    }

    private static func addressesWithPorts(_ endpoints: JSONValue) -> [String] {
        endpoints["subsets"].elements.flatMap { subset -> [String] in
            let addresses = subset["addresses"].elements.compactMap { $0["ip"].text }
            let ports = subset["ports"].elements.compactMap { $0["port"].number }
            if ports.isEmpty { return addresses }
            return ports.flatMap { port in
                addresses.map { $0.contains(":") ? "[\($0)]:\(port)" : "\($0):\(port)" }
            }
        }
    }

    /// The first three of many.
    private static func few(_ all: [String], orElse nothing: String) -> String {
        if all.isEmpty { return nothing }
        return all.prefix(3).joined(separator: ",") + (all.count > 3 ? " + \(all.count - 3) more..." : "")
    }

    private static func labels(_ map: JSONValue) -> String {
        let pairs = map.textMembers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return pairs.isEmpty ? "<none>" : pairs.joined(separator: ",")
    }

    /// The time since a moment in at most two units, the fewer the longer it is ago.
    private static func since(_ moment: JSONValue) -> String {
        guard let start = moment.text.flatMap({ Timestamp($0)?.seconds }) else { return "<unknown>" }
        let seconds = max(0, Timestamp.now.seconds - start)
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400)
        func two(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
            "\(large)\(unit)" + (small > 0 ? "\(small)\(smallUnit)" : "")
        }
        return switch seconds {
        case ..<120: "\(seconds)s"
        case ..<600: two(minutes, "m", seconds % 60, "s")
        case ..<10_800: "\(minutes)m"
        case ..<28_800: two(hours, "h", minutes % 60, "m")
        case ..<172_800: "\(hours)h"
        case ..<691_200: two(days, "d", hours % 24, "h")
        case ..<63_072_000: "\(days)d"
        case ..<252_288_000: two(days / 365, "y", days % 365, "d")
        default: "\(days / 365)y"
        }
    }
}

extension JSONValue {
    /// Text for people, `<none>` when there is none.
    fileprivate var shown: String { text.flatMap { $0.isEmpty ? nil : $0 } ?? "<none>" }

    fileprivate var orNotApplicable: String { text ?? number.map { String($0) } ?? "N/A" }

    /// The value as JSON in one line.
    fileprivate var line: String { String(decoding: bytes, as: UTF8.self) }
}
