/// Why a list or watch did not go on, as far as it decides what is done next.
enum RequestFailure: Error, Equatable {
    /// The server answered with a status, or with an ERROR event in a watch.
    case refused(StatusReport)
    /// No connection, a broken one, or nothing in time.
    case transport(String)
    /// A watch that the server ended as soon as it was open.
    case closedAtOnce
    /// An answer that is not what it should be.
    case malformed(String)
    /// A token or certificate that cannot be used.
    case credentials(String)

    init(_ failure: APIFailure) {
        self =
            switch failure {
            case .credentials(let error): .credentials(error.description)
            case .tooLarge: .malformed(failure.description)
            case .unreachable, .timedOut, .cancelled: .transport(failure.description)
            }
    }

    /// The request itself is not understood, as WatchList by servers without it.
    var isRefusedAsInvalid: Bool {
        guard case .refused(let report) = self else { return false }
        return [400, 405, 406, 422].contains(report.code) || ["BadRequest", "Invalid"].contains(report.reason)
    }

    /// The version that was asked for is no longer known, or not yet.
    var isExpired: Bool {
        if case .refused(let report) = self { report.isExpired || report.isVersionTooLarge } else { false }
    }

    var isMalformed: Bool { if case .malformed = self { true } else { false } }

    var isForbidden: Bool { if case .refused(let report) = self { report.code == 403 } else { false } }

    var isNotFound: Bool { if case .refused(let report) = self { report.code == 404 } else { false } }

    /// One line for a log.
    var reason: String {
        switch self {
        case .refused(let report):
            "the API server answered \(report.code)"
                + (report.reason.isEmpty ? "" : " \(report.reason)")
                + (report.message.isEmpty ? "" : ": \(report.message)")
        case .closedAtOnce: "the watch was closed at once"
        case .transport(let text), .malformed(let text), .credentials(let text): text
        }
    }
}

/// How a watch ended.
enum WatchEnd: Equatable {
    /// The server ended the body, as it does when `timeoutSeconds` are over.
    case closed
    /// Nothing came for longer than the watchdog allows.
    case silent
    /// We closed the connection under it: certificates were replaced.
    case givenUp
    /// An event was older than what was asked for: the server lost history (restored, or another server).
    case wentBack
    /// The server does not stream the initial state, or does not say when it is complete.
    case notStreamed
    case failed(RequestFailure)
}

/// What a watch brought, once it has ended.
struct WatchReport: Equatable {
    var end: WatchEnd
    /// The version of the last event or bookmark; nil when there was none.
    var version: String?
    /// False when the initial state was asked for and did not come whole.
    var isListed = true
    /// Objects that changed.
    var events = 0
    /// How long it was open; zero where it never was.
    var lasted: Duration
}

/// One request for a part of a list.
struct ListRequest: Equatable {
    /// "0" is any state the server has at hand, "" the newest; absent from requests for further pages.
    var version: String?
    /// nil asks for everything at once.
    var limit: Int?
    /// The token of a further page; empty for the first.
    var page: String = ""
}

/// One request for changes.
struct WatchRequest: Equatable {
    /// Changes after this version; with `streamsList` all objects of at least this version first, "" is the newest.
    var version: String
    /// The initial state comes as events (KEP-3157, WatchList).
    var streamsList = false
    /// How long the server keeps the watch, in seconds.
    var timeoutSeconds: Int
}
