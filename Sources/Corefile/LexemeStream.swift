/// The words of a file with those of imports spliced in where they are imported.
struct LexemeStream {
    /// Where spliced words come from; one that is still being read cannot be imported again.
    enum Origin: Equatable {
        case file(String)
        case snippet(String)
    }

    private struct Frame {
        let origin: Origin
        let lexemes: [Lexeme]
        var position = 0
    }

    private var frames: [Frame] = []
    private var delivered = 0

    /// Begins a file or snippet; its words come before those that were left.
    mutating func push(_ lexemes: [Lexeme], from origin: Origin) {
        frames.append(Frame(origin: origin, lexemes: lexemes))
    }

    // A frame stays until words behind it are asked for: an import as the very last line is still inside of it.
    // One at its very beginning only waits for its turn.
    func isReading(_ origin: Origin) -> Bool {
        frames.contains { $0.position > 0 && $0.origin == origin }
    }

    mutating func peek() -> Lexeme? {
        while let frame = frames.last, frame.position >= frame.lexemes.count {
            frames.removeLast()
        }
        return peekInFrame()
    }

    /// The next word of the line that is being read.
    func peekOnLine() -> Lexeme? {
        guard let lexeme = peekInFrame(), !lexeme.startsLine else { return nil }
        return lexeme
    }

    mutating func next() -> Lexeme? {
        guard let lexeme = peek() else { return nil }
        frames[frames.count - 1].position += 1
        delivered += 1
        return lexeme
    }

    mutating func stop() {
        frames = []
    }

    var isExhausting: Bool { delivered > Limits.words }

    private func peekInFrame() -> Lexeme? {
        guard let frame = frames.last, frame.position < frame.lexemes.count else { return nil }
        var lexeme = frame.lexemes[frame.position]
        // A snippet written on one line is still used on lines of its own.
        if frame.position == 0 { lexeme.startsLine = true }
        return lexeme
    }
}
