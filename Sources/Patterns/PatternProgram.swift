/// A pattern as instructions that all places in it are followed through at once.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        /// One character, then the next instruction.
        case scalar(UInt32)
        /// One character out of a set of `sets`.
        case set(Int)
        case jump(Int)
        /// Both ways, the first preferred.
        case split(Int, Int)
        /// Remembers the place in a slot: two for each group, its start and its end.
        case save(Int)
        case assert(Assertion)
        case match
    }

    private(set) var instructions: [Instruction] = []
    private(set) var sets: [ScalarRanges] = []
    let slotCount: Int
    /// True when a match can begin at the start of the text only.
    let isAnchored: Bool

    static let mostInstructions = 20_000

    /// Parts looked at while compiling: an empty part repeated a thousand times a thousand times makes no instruction.
    private var visits = 0

    init(_ syntax: PatternSyntax, groupCount: Int) throws(PatternError) {
        slotCount = 2 * (groupCount + 1)
        isAnchored = Self.beginsWithTextStart(syntax)
        try append(.group(0, syntax))
        instructions.append(.match)
    }

    private static func beginsWithTextStart(_ syntax: PatternSyntax) -> Bool {
        switch syntax {
        case .assertion(.textStart): true
        case .group(_, let inner): beginsWithTextStart(inner)
        case .sequence(let parts): parts.first.map(beginsWithTextStart) ?? false
        case .choice(let parts): parts.allSatisfy(beginsWithTextStart)
        default: false
        }
    }

    private mutating func append(_ syntax: PatternSyntax) throws(PatternError) {
        visits += 1
        guard instructions.count < Self.mostInstructions, visits <= 4 * Self.mostInstructions else {
            throw PatternError(
                position: 1, found: "an expression of more than \(Self.mostInstructions) steps, repetitions counted",
                expected: "a smaller one")
        }
        switch syntax {
        case .empty: break
        case .scalar(let ranges): append(ranges)
        case .assertion(let assertion): instructions.append(.assert(assertion))
        case .group(let number, let inner):
            instructions.append(.save(2 * number))
            try append(inner)
            instructions.append(.save(2 * number + 1))
        case .sequence(let parts):
            for part in parts { try append(part) }
        case .choice(let parts): try append(choice: parts)
        case .repeated(let inner, let least, let most, let isLazy):
            try append(inner, least: least, most: most, isLazy: isLazy)
        }
    }

    private mutating func append(_ ranges: ScalarRanges) {
        if ranges.ranges.count == 1, let only = ranges.ranges.first, only.count == 1 {
            instructions.append(.scalar(only.lowerBound))
        } else if let known = sets.suffix(8).firstIndex(of: ranges) {
            instructions.append(.set(known))
        } else {
            sets.append(ranges)
            instructions.append(.set(sets.count - 1))
        }
    }

    private mutating func append(choice parts: [PatternSyntax]) throws(PatternError) {
        var jumps: [Int] = []
        for part in parts.dropLast() {
            let split = reserve()
            try append(part)
            jumps.append(reserve())
            instructions[split] = .split(split + 1, instructions.count)
        }
        if let last = parts.last { try append(last) }
        for jump in jumps { instructions[jump] = .jump(instructions.count) }
    }

    private mutating func append(
        _ inner: PatternSyntax, least: Int, most: Int?, isLazy: Bool
    ) throws(PatternError) {
        guard let most else {
            for _ in 0..<max(least - 1, 0) { try append(inner) }
            return least == 0 ? try append(star: inner, isLazy) : try append(plus: inner, isLazy)
        }
        for _ in 0..<least { try append(inner) }
        var splits: [Int] = []
        for _ in least..<most {
            splits.append(reserve())
            try append(inner)
        }
        for split in splits { instructions[split] = Self.split(isLazy, split + 1, instructions.count) }
    }

    private mutating func append(star inner: PatternSyntax, _ isLazy: Bool) throws(PatternError) {
        let split = reserve()
        if inner.isNullable {
            // As (x+)?: a part that took nothing in must come before those that were not tried.
            try append(plus: inner, isLazy)
        } else {
            try append(inner)
            instructions.append(.jump(split))
        }
        instructions[split] = Self.split(isLazy, split + 1, instructions.count)
    }

    private mutating func append(plus inner: PatternSyntax, _ isLazy: Bool) throws(PatternError) {
        let start = instructions.count
        try append(inner)
        let split = reserve()
        instructions[split] = Self.split(isLazy, start, split + 1)
    }

    private mutating func reserve() -> Int {
        instructions.append(.match)
        return instructions.count - 1
    }

    /// - Parameter again: the way that takes more in.
    private static func split(_ isLazy: Bool, _ again: Int, _ on: Int) -> Instruction {
        isLazy ? .split(on, again) : .split(again, on)
    }
}
