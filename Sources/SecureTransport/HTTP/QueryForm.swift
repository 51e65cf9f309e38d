import DNSServer
import NIOHTTP1

/// How queries stand in HTTP requests, and answers in their responses.
protocol QueryForm: Sendable {
    /// The most octets of a request's body.
    var longestBody: Int { get }

    /// What is said to a request whose head alone is wrong; nil when it may go on.
    func refusal(of head: HTTPRequestHead) -> HTTPReply?

    func query(in body: [UInt8], of head: HTTPRequestHead) throws(HTTPReply) -> [UInt8]

    func reply(to answer: TransportAnswer) -> HTTPReply

    /// Said when the body is longer than it may be.
    var tooLong: HTTPReply { get }
}

/// One HTTP response.
struct HTTPReply: Error, Equatable {
    var status: HTTPResponseStatus
    var headers: [HeaderField] = []
    var body: [UInt8] = []
    /// What follows the body; nil where nothing does.
    var trailers: [HeaderField]?

    /// A header field and its value.
    struct HeaderField: Equatable {
        let name: String
        let value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A line for a person.
    static func text(_ status: HTTPResponseStatus, _ line: String, _ headers: [HeaderField] = []) -> HTTPReply {
        HTTPReply(
            status: status, headers: [HeaderField("content-type", "text/plain; charset=utf-8")] + headers,
            body: Array("\(line)\n".utf8))
    }
}
