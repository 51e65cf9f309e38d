/// Searches texts for patterns, following all places in a pattern at once; keeps its memory from search to search.
package struct PatternSearch {
    /// Instructions looked at so far: at most two for each instruction and place of the text.
    package private(set) var steps = 0

    /// Places in the program that wait for the next character, the preferred ones first, and what each remembers.
    private struct Threads {
        var places: [Int] = []
        var slots: [Int] = []

        mutating func removeAll() {
            places.removeAll(keepingCapacity: true)
            slots.removeAll(keepingCapacity: true)
        }
    }

    private enum Pending {
        case visit(Int)
        case restore(slot: Int, Int)
    }

    private var current = Threads()
    private var next = Threads()
    /// The place in the text for which each instruction was looked at last.
    private var seen: [Int] = []
    private var pending: [Pending] = []
    private var slots: [Int] = []

    package init() {}

    /// The leftmost match of `pattern`; of several there the preferred one.
    package mutating func firstMatch(of pattern: Pattern, in text: [UInt8]) -> PatternMatch? {
        let program = pattern.program
        prepare(for: program)
        var found: [Int]?
        var place = 0
        while true {
            if found == nil, place == 0 || !program.isAnchored {
                for slot in slots.indices { slots[slot] = -1 }
                follow(from: 0, at: place, program, text)
            }
            swap(&current, &next)
            next.removeAll()
            if current.places.isEmpty, found != nil || program.isAnchored { break }
            let (scalar, width) = Self.scalar(of: text, at: place)
            step(scalar, to: place + width, program, text, &found)
            if place >= text.count { break }
            place += width
        }
        return found.map { slots in
            let ends = stride(from: 0, to: slots.count - 1, by: 2)
            return PatternMatch(
                text: text,
                groups: ends.map { slots[$0] >= 0 && slots[$0 + 1] >= slots[$0] ? slots[$0]..<slots[$0 + 1] : nil })
        }
    }

    private mutating func prepare(for program: PatternProgram) {
        current.removeAll()
        next.removeAll()
        seen.removeAll(keepingCapacity: true)
        seen.append(contentsOf: repeatElement(-1, count: program.instructions.count))
        slots.removeAll(keepingCapacity: true)
        slots.append(contentsOf: repeatElement(-1, count: program.slotCount))
    }

    /// Takes one character in with every thread; a match ends those that are less preferred.
    ///
    /// - Parameter scalar: nil behind the end of the text.
    private mutating func step(
        _ scalar: UInt32?, to place: Int, _ program: PatternProgram, _ text: [UInt8], _ found: inout [Int]?
    ) {
        let count = program.slotCount
        for (thread, instruction) in current.places.enumerated() {
            steps += 1
            let takes: Bool
            switch program.instructions[instruction] {
            case .match:
                found = Array(current.slots[thread * count..<(thread + 1) * count])
                return
            case .scalar(let wanted): takes = scalar == wanted
            case .set(let set): takes = scalar.map { program.sets[set].contains($0) } ?? false
            default: takes = false
            }
            guard takes else { continue }
            for slot in 0..<count { slots[slot] = current.slots[thread * count + slot] }
            follow(from: instruction + 1, at: place, program, text)
        }
    }

    /// Adds every instruction that waits for a character and is reached from `start` without one.
    private mutating func follow(from start: Int, at place: Int, _ program: PatternProgram, _ text: [UInt8]) {
        // A stack of its own, not calls: a program may be one long chain of choices.
        pending.append(.visit(start))
        while let entry = pending.popLast() {
            guard case .visit(let instruction) = entry else {
                if case .restore(let slot, let old) = entry { slots[slot] = old }
                continue
            }
            guard seen[instruction] != place else { continue }
            seen[instruction] = place
            steps += 1
            switch program.instructions[instruction] {
            case .jump(let target): pending.append(.visit(target))
            case .split(let preferred, let other):
                pending.append(.visit(other))
                pending.append(.visit(preferred))
            case .save(let slot):
                pending.append(.restore(slot: slot, slots[slot]))
                pending.append(.visit(instruction + 1))
                slots[slot] = place
            case .assert(let assertion):
                if assertion.holds(text, at: place) { pending.append(.visit(instruction + 1)) }
            case .scalar, .set, .match:
                next.places.append(instruction)
                next.slots.append(contentsOf: slots)
            }
        }
    }

    /// The character at `place` and how many octets it takes; nil and 0 behind the end.
    private static func scalar(of text: [UInt8], at place: Int) -> (UInt32?, Int) {
        guard place < text.count else { return (nil, 0) }
        let first = text[place]
        guard first >= 0x80 else { return (UInt32(first), 1) }
        var decoder = UTF8()
        var octets = text[place..<min(place + 4, text.count)].makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&octets) else { return (0xFFFD, 1) }
        return (scalar.value, UTF8.width(scalar))
    }
}
