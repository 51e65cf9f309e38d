/// The query parameters of creates, updates, patches and deletions.
struct WriteOptions: Sendable {
    /// What becomes of fields the API does not know.
    enum FieldValidation: String, Sendable {
        case ignore = "Ignore"
        case warn = "Warn"
        case strict = "Strict"
    }

    var isDryRun = false
    var fieldManager = ""
    var isForced = false
    var fieldValidation = FieldValidation.warn
    var gracePeriod: Int64?
    var orphansOwned = false

    init(query: String) throws(StatusError) {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? Percent.decode(String(parts[1]), plusIsSpace: true) : ""
            switch Percent.decode(String(parts[0]), plusIsSpace: true) {
            case "dryRun": isDryRun = value == "All"
            case "fieldManager":
                guard value.utf8.count <= 128 else {
                    throw .invalid(
                        "PatchOptions", "", field: "fieldManager", "Too long: may not be more than 128 bytes")
                }
                fieldManager = value
            case "force": isForced = ["true", "1", ""].contains(value)
            case "fieldValidation":
                if value.isEmpty { continue }
                guard let wish = FieldValidation(rawValue: value) else {
                    throw .invalid(
                        "PatchOptions", "", field: "fieldValidation",
                        "Unsupported value: \"\(value)\": supported values: \"Ignore\", \"Strict\", \"Warn\"")
                }
                fieldValidation = wish
            case "gracePeriodSeconds":
                guard let seconds = Int64(value), seconds >= 0 else {
                    throw .badRequest("gracePeriodSeconds: found \"\(value)\", expected a whole number")
                }
                gracePeriod = seconds
            case "propagationPolicy": orphansOwned = value == "Orphan"
            case "orphanDependents": orphansOwned = ["true", "1"].contains(value)
            default: break
            }
        }
    }
}
