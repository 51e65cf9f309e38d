import Text

/// Something that happened to an object, for `kubectl describe` (core/v1 Event).
package struct EventReport: Sendable, Equatable {
    package enum Severity: String, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    package var severity: Severity
    /// One word in upper camel case, such as `InvalidParameters`.
    package var reason: String
    package var message: String
    /// What it is about.
    package var apiVersion: String
    package var kind: String
    package var name: String
    package var uid: String
    /// Who says so: the process' identity.
    package var reporter: String
    /// Seconds since 1970.
    package var time: Double

    package init(
        _ severity: Severity, reason: String, message: String, apiVersion: String = "v1", kind: String, name: String,
        uid: String = "", reporter: String, time: Double
    ) {
        self.severity = severity
        self.reason = reason
        self.message = message
        self.apiVersion = apiVersion
        self.kind = kind
        self.name = name
        self.uid = uid
        self.reporter = reporter
        self.time = time
    }

    func body(namespace: String) -> [UInt8] {
        let moment = JSONValue.string(Timestamp(secondsSince1970: time).text())
        let component: JSONValue = "cluster-dns-autoscaler"
        let body: JSONValue = [
            "apiVersion": "v1", "kind": "Event",
            // As client-go: the object's name and a number that differs for each event.
            "metadata": ["generateName": .string("\(name)."), "namespace": .string(namespace)],
            "involvedObject": [
                "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name),
                "namespace": .string(namespace), "uid": uid.isEmpty ? .null : .string(uid),
            ],
            "reason": .string(reason),
            // The API refuses more than 1,024 octets.
            "message": .string(String(decoding: message.utf8.prefix(1000), as: UTF8.self)),
            "source": ["component": component, "host": .string(reporter)],
            "firstTimestamp": moment, "lastTimestamp": moment, "count": 1, "type": .string(severity.rawValue),
            "reportingComponent": component, "reportingInstance": .string(reporter),
        ]
        return body.bytes
    }
}
