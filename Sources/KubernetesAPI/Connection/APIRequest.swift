/// One request to the API server.
package struct APIRequest: Sendable {
    package enum Verb: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
    }

    package var verb: Verb
    /// Path and query, starting with a slash.
    package var path: String
    package var body: [UInt8]?
    package var contentType: String
    package var accept: String
    /// What stands in the header of that name in the place of the endpoint's token; nil for that.
    package var authorization: String?

    package init(
        verb: Verb, path: String, body: [UInt8]? = nil, contentType: String = "application/json",
        accept: String = "application/json"
    ) {
        self.verb = verb
        self.path = path
        self.body = body
        self.contentType = contentType
        self.accept = accept
    }
}

/// The whole answer to a request, whatever its status.
package struct APIResponse: Sendable {
    package var status: Int
    /// Header `Content-Type`, lower-cased; empty when absent.
    package var contentType: String
    /// Header `Retry-After`, when it is a number of seconds.
    package var retryAfter: Duration?
    package var body: [UInt8]

    /// For a status of 300 or more: what the server says about it.
    package var report: StatusReport { StatusReport(body: body, httpStatus: status, retryAfter: retryAfter) }
}

/// How one exchange with the API server went, for metrics.
package struct RequestReport: Sendable, Equatable {
    package var verb: APIRequest.Verb
    /// HTTP status; nil when there was no response.
    package var status: Int?
    /// From sending to the head of the response.
    package var lasted: Duration
    /// How long it was held back before it was sent.
    package var heldBack: Duration
}
