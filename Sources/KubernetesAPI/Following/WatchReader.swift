/// Turns the octets of one watch into changes.
struct WatchReader<Object: Sendable> {

    /// What some octets brought.
    struct Step {
        var changes: [ReflectedChange<Object>] = []
        /// The initial state became whole.
        var completedList = false
        /// How the watch ends, if something in it ends it.
        var end: WatchEnd?
    }

    private let encoding: WireEncoding
    private let progress: WatchProgress
    private let decode: Reflector<Object>.Decode
    private var splitter: WatchSplitter
    private var hasBegun = false
    /// The initial state is arriving.
    private(set) var isListing: Bool
    /// Objects of the initial state.
    private(set) var listedCount = 0

    init(
        _ request: WatchRequest, _ encoding: WireEncoding, _ progress: WatchProgress,
        _ decode: @escaping Reflector<Object>.Decode
    ) {
        self.decode = decode
        self.encoding = encoding
        self.progress = progress
        splitter = WatchSplitter(encoding)
        isListing = request.streamsList
    }

    mutating func feed(_ bytes: some Collection<UInt8>) throws(DecodingFailure) -> Step {
        var step = Step()
        if isListing, !hasBegun {
            hasBegun = true
            step.changes.append(.listStarted)
        }
        // Events before one that ends the watch still count: they are what happened.
        for message in try splitter.feed(bytes) {
            try take(message, &step)
            if step.end != nil { break }
        }
        return step
    }

    /// The body has ended.
    func finish() throws(DecodingFailure) { try splitter.finish() }

    private mutating func take(_ message: WatchMessage, _ step: inout Step) throws(DecodingFailure) {
        switch message.kind {
        case .error:
            step.end = .failed(.refused(StatusReport(body: message.object, httpStatus: nil)))
        case .bookmark:
            try takeBookmark(message, &step)
        case .added, .modified, .deleted:
            let (object, version) = try decode(message.object, encoding, true)
            // Objects of the initial state come in any order: only the mark behind them says how new they are.
            guard isListing || progress.advance(to: version, isChange: true) else {
                step.end = .wentBack
                return
            }
            if isListing, message.kind == .added { listedCount += 1 }
            step.changes.append(message.kind == .deleted ? .deleted(object) : .stored(object))
        }
    }

    private mutating func takeBookmark(_ message: WatchMessage, _ step: inout Step) throws(DecodingFailure) {
        let metadata = try encoding.readEnveloped(WireAnyObject.self, from: message.object).metadata
        if isListing {
            guard metadata.annotations[endOfList] == "true", !metadata.resourceVersion.isEmpty else {
                // A bookmark of the usual kind before the mark: the parameter was not understood.
                step.end = .notStreamed
                return
            }
            isListing = false
            step.completedList = true
            step.changes.append(.listFinished)
            progress.completeList()
        }
        if !progress.advance(to: metadata.resourceVersion, isChange: false) { step.end = .wentBack }
    }
}

/// An initial state as events is over with a bookmark that carries this annotation (KEP-3157).
private let endOfList = "k8s.io/initial-events-end"
