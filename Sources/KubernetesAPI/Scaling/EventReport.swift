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
        var object = ["apiVersion": apiVersion, "kind": kind, "name": name, "namespace": namespace]
        if !uid.isEmpty { object["uid"] = uid }
        let seconds = JSONWriting.quoted(Timestamps.text(time, fraction: false))
        let component = "cluster-dns-autoscaler"
        // As client-go: the object's name and a number that differs for each event.
        let metadata = ["generateName": "\(name).", "namespace": namespace]
        let parts: [(String, String)] = [
            ("apiVersion", #""v1""#), ("kind", #""Event""#), ("metadata", JSONWriting.strings(metadata)),
            ("involvedObject", JSONWriting.strings(object)), ("reason", JSONWriting.quoted(reason)),
            // The API refuses more than 1,024 characters.
            ("message", JSONWriting.quoted(String(message.prefix(1000)))),
            ("source", JSONWriting.strings(["component": component, "host": reporter])),
            ("firstTimestamp", seconds), ("lastTimestamp", seconds), ("count", "1"),
            ("type", JSONWriting.quoted(severity.rawValue)), ("reportingComponent", JSONWriting.quoted(component)),
            ("reportingInstance", JSONWriting.quoted(reporter)),
        ]
        return Array(("{" + parts.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}").utf8)
    }
}

/// Times as the API writes them (RFC 3339, UTC).
enum Timestamps {
    /// - Parameters:
    ///   - seconds: since 1970.
    ///   - fraction: six digits of it, which meta/v1 MicroTime wants and Time does not.
    static func text(_ seconds: Double, fraction: Bool) -> String {
        let micros = Int64(max(0, min(seconds, 253_402_300_799)) * 1_000_000)
        let whole = micros / 1_000_000
        // Civil date of days since 1970, counting years from March so that the leap day comes last.
        let days = whole / 86400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(whole / 3600 % 24, 2)):\(padded(whole / 60 % 60, 2)):\(padded(whole % 60, 2))"
        return date + "T" + time + (fraction ? "." + padded(micros % 1_000_000, 6) : "") + "Z"
    }
}
