import Text

/// The query parameters of lists, watches and writes, checked.
struct ListOptions: Sendable {
    var labels = LabelSelector()
    var fields = FieldSelector()
    var limit = 0
    var continueToken: ContinueToken?
    /// Nil when not given; 0 means any state.
    var version: UInt64?
    var match: String?
    var isWatch = false
    var wantsBookmarks = false
    var sendsInitialEvents: Bool?
    /// Seconds.
    var timeout: Int?
    var isDryRun = false

    var hasSelector: Bool { !labels.requirements.isEmpty || !fields.requirements.isEmpty }

    init(query: String, kind: ResourceKind) throws(StatusError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = Percent.decode(String(parts[0]), plusIsSpace: true)
            let value = parts.count > 1 ? Percent.decode(String(parts[1]), plusIsSpace: true) : ""
            try set(name, value, kind)
        }
        try check()
    }

    private mutating func set(_ name: String, _ value: String, _ kind: ResourceKind) throws(StatusError) {
        switch name {
        case "labelSelector": labels = try LabelSelector(value)
        case "fieldSelector": fields = try FieldSelector(value, kind: kind)
        case "limit": limit = try Self.number(value, name)
        case "timeoutSeconds": timeout = value.isEmpty ? nil : try Self.number(value, name)
        case "continue": if !value.isEmpty { continueToken = try ContinueToken(value) }
        case "watch": isWatch = try Self.flag(value, name)
        case "allowWatchBookmarks": wantsBookmarks = try Self.flag(value, name)
        case "sendInitialEvents": sendsInitialEvents = try Self.flag(value, name)
        case "resourceVersionMatch": match = value.isEmpty ? nil : value
        case "dryRun": isDryRun = value == "All"
        case "resourceVersion":
            if value.isEmpty { return }
            guard let number = UInt64(value) else {
                throw .invalid("ListOptions", "", field: "resourceVersion", "Invalid value: \"\(value)\": not a number")
            }
            version = number
        default: break
        }
    }

    private static func number(_ text: String, _ name: String) throws(StatusError) -> Int {
        guard let number = Int(text), number >= 0 else {
            throw .badRequest("\(name): found \"\(text)\", expected a whole number")
        }
        return number
    }

    private static func flag(_ text: String, _ name: String) throws(StatusError) -> Bool {
        switch text {
        case "true", "1", "True", "t", "": true
        case "false", "0", "False", "f": false
        default: throw .badRequest("\(name): found \"\(text)\", expected true or false")
        }
    }

    private func check() throws(StatusError) {
        func invalid(_ field: String, _ message: String) -> StatusError {
            .invalid("ListOptions", "", field: field, "Forbidden: \(message)")
        }
        if let match, !["NotOlderThan", "Exact"].contains(match) {
            throw invalid("resourceVersionMatch", "supported values: Exact, NotOlderThan")
        }
        if isWatch {
            if sendsInitialEvents != nil, match != "NotOlderThan" {
                throw invalid(
                    "resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
            }
            if match != nil, sendsInitialEvents == nil {
                throw invalid(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            }
            if sendsInitialEvents == true, !wantsBookmarks {
                throw invalid("sendInitialEvents", "sendInitialEvents requires allowWatchBookmarks")
            }
            return
        }
        if sendsInitialEvents != nil { throw invalid("sendInitialEvents", "sendInitialEvents is forbidden for list") }
        if match != nil {
            if version == nil {
                throw invalid(
                    "resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
            }
            if continueToken != nil {
                throw invalid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
            }
            if match == "Exact", version == 0 {
                throw invalid(
                    "resourceVersionMatch", "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"")
            }
        }
        if continueToken != nil, let version, version != 0 {
            throw .badRequest("specifying resource version is not allowed when using continue")
        }
    }
}

/// Where the next page begins and which version all pages show.
struct ContinueToken: Sendable {
    let version: UInt64
    /// The key after which the page starts.
    let after: String

    init(version: UInt64, after: String) {
        self.version = version
        self.after = after
    }

    init(_ text: String) throws(StatusError) {
        guard let bytes = Base64URL.octets(of: text), let value = try? JSONReader.read(bytes),
            value["v"].text == "meta.k8s.io/v1", let version = value["rv"].number, version >= 0,
            let start = value["start"].text
        else { throw .badRequest("invalid continue token: continue key is not valid") }
        self.version = UInt64(version)
        after = start.replacing("\u{0}", with: "").trimmingPrefix("/").description
    }

    /// As the API server writes it: the first key that may come next, with a slash in front.
    var text: String {
        let value: JSONValue = [
            "v": "meta.k8s.io/v1", "rv": .int(Int64(clamping: version)), "start": .string("/\(after)\u{0}"),
        ]
        return Base64URL.text(of: value.bytes)
    }
}
