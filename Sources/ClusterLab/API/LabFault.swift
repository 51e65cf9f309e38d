/// A misbehaviour a test asks the API server for.
package enum LabFault: Sendable, Equatable {
    /// Watches stay open and say nothing, not even bookmarks.
    case silentWatch
    /// Every watch is cut as soon as it starts, and the running ones now.
    case dropWatches
    /// Every resource version is too old: watches get an ERROR event, or status 410 when asked so.
    case expire410(asStatus: Bool = false)
    /// Every request is refused with 429 as plain text, `retryAfter` in seconds.
    case tooManyRequests(retryAfter: Int? = nil)
    /// Every request fails with 500.
    case serverError
    /// Lists begin their answer after so many seconds.
    case slowList(seconds: Double)
    /// Bodies break off in the middle and the connection closes.
    case tornChunk
    /// Versions jump back once and history begins anew, as after restoring a backup.
    case restartedHistory
    /// The token is replaced once; the old one answers 401 and the kubeconfig is rewritten.
    case tokenRotation
    /// Every resource request is refused with 403.
    case forbidden
    /// Requests for one resource, by its plural, are refused with 403.
    case forbiddenResource(String)

    /// What `--fault` and `PUT /lab/fault` accept, a line for each, for people.
    package static let explanation = """
        silent-watch: watches stay open and say nothing
        dropped-watch: every watch is cut at once
        410: watches get 410 as an event; 410=status: as the status of the answer
        429: every request is refused; 429=SECONDS: with Retry-After
        500: every request fails
        slow-list=SECONDS: lists begin their answer so late
        torn-chunk: bodies break off in the middle
        restarted-history: versions jump back, once
        token-rotation: the token is replaced, once
        forbidden: every resource is refused with 403; forbidden=PLURAL: only that one
        """

    /// Reads `NAME` or `NAME=VALUE`.
    package init(_ text: String) throws(LabError) {
        let words = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = words.count > 1 ? words[1] : nil
        func refused(_ expected: String) -> LabError { .badOption("--fault", found: text, expected: expected) }
        switch (words.first ?? "", value) {
        case ("silent-watch", nil): self = .silentWatch
        case ("dropped-watch", nil): self = .dropWatches
        case ("410", nil): self = .expire410()
        case ("410", "status"): self = .expire410(asStatus: true)
        case ("429", nil): self = .tooManyRequests()
        case ("429", .some(let value)):
            guard let seconds = Int(value), (0...86_400).contains(seconds) else {
                throw refused("429=SECONDS, a whole number up to 86400")
            }
            self = .tooManyRequests(retryAfter: seconds)
        case ("500", nil): self = .serverError
        case ("slow-list", .some(let value)):
            guard let seconds = Double(value), (0...3600).contains(seconds) else {
                throw refused("slow-list=SECONDS, a number up to 3600")
            }
            self = .slowList(seconds: seconds)
        case ("torn-chunk", nil): self = .tornChunk
        case ("restarted-history", nil): self = .restartedHistory
        case ("token-rotation", nil): self = .tokenRotation
        case ("forbidden", nil): self = .forbidden
        case ("forbidden", .some(let plural)) where !plural.isEmpty: self = .forbiddenResource(plural)
        default:
            throw refused(
                "silent-watch, dropped-watch, 410[=status], 429[=SECONDS], 500, slow-list=SECONDS, torn-chunk, "
                    + "restarted-history, token-rotation or forbidden[=PLURAL]")
        }
    }

    /// The words `init(_:)` reads.
    package var text: String {
        switch self {
        case .silentWatch: "silent-watch"
        case .dropWatches: "dropped-watch"
        case .expire410(let asStatus): asStatus ? "410=status" : "410"
        case .tooManyRequests(let retryAfter): retryAfter.map { "429=\($0)" } ?? "429"
        case .serverError: "500"
        case .slowList(let seconds): "slow-list=\(seconds)"
        case .tornChunk: "torn-chunk"
        case .restartedHistory: "restarted-history"
        case .tokenRotation: "token-rotation"
        case .forbidden: "forbidden"
        case .forbiddenResource(let plural): "forbidden=\(plural)"
        }
    }

    /// Whether the fault is done when it is set, and does not last.
    var happensOnce: Bool { self == .restartedHistory || self == .tokenRotation }
}
