/// How much of a primary is taken at most, which tests lower.
struct TransferLimits: Sendable {
    /// How long may pass until a query is sent, and between two messages of its response.
    var silence = Duration.seconds(10)
    /// How long everything that one primary is asked at one time may take, its whole zone included.
    var whole = Duration.seconds(300)
    /// When a response is looked at for being slow, and the fewest octets a second that it must have brought by then.
    var grace = Duration.seconds(30)
    var slowest = 1024
    /// Of all messages of one response.
    var octets = 512 << 20
    /// Of all messages of one response.
    var records = 5_000_000
}
