/// What one field holds, in the words of the protobuf definitions of the Kubernetes API.
indirect enum FieldType: Sendable {
    case string
    case bool
    case integer
    case bytes
    /// Seconds and nanoseconds on the wire, RFC 3339 with so many fraction digits in JSON.
    case time(fractionDigits: Int)
    /// A message holding the canonical text.
    case quantity
    /// 0 and a number, or 1 and text.
    case integerOrString
    /// A message holding JSON bytes.
    case rawJSON
    /// The schema at that place of `Schemas.all`.
    case message(Int)
    /// As `message`, but its fields stand in the parent's JSON object.
    case inline(Int)
    case list(FieldType)
    case map(FieldType)
}

/// One field of a message: its number on the wire and its name in JSON.
struct FieldSchema: Sendable {
    let number: Int
    let name: String
    let type: FieldType
    /// A pointer in Go: absent on the wire when unset. Everything else is always written.
    let isOptional: Bool
    /// Written to JSON even when it is zero or empty (no `omitempty`).
    let isAlwaysInJSON: Bool
}

/// One message: its fields in JSON order and in wire order.
struct MessageSchema: Sendable {
    let name: String
    let fields: [FieldSchema]
    let wireOrder: [FieldSchema]
    private let positions: [Int]

    init(name: String, fields: [FieldSchema]) {
        self.name = name
        self.fields = fields
        wireOrder = fields.sorted { $0.number < $1.number }
        var positions = [Int](repeating: -1, count: (wireOrder.last?.number ?? 0) + 1)
        for (position, field) in fields.enumerated() { positions[field.number] = position }
        self.positions = positions
    }

    /// The place in `fields` of a field number, nil when the table does not know it.
    func position(of number: Int) -> Int? {
        guard number >= 0, number < positions.count, positions[number] >= 0 else { return nil }
        return positions[number]
    }
}

/// The messages of the API, read once from `messageTable`.
enum Schemas {
    private static let lines: [(name: String, fields: Substring)] = messageTable.split(separator: "\n").compactMap {
        let parts = $0.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), parts[1]) : nil
    }

    /// Message name → place in `all`.
    static let places: [String: Int] = Dictionary(
        lines.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })

    static let all: [MessageSchema] = lines.map { line in
        MessageSchema(
            name: line.name, fields: line.fields.split(separator: ",").compactMap { field($0) })
    }

    /// Words of the table that name no known type; a test holds this empty.
    static let unknownWords: [String] = lines.flatMap { line in
        line.fields.split(separator: ",").compactMap { field($0) == nil ? String($0) : nil }
    }

    static func named(_ name: String) -> MessageSchema? { places[name].map { all[$0] } }

    /// Reads `name number type` with the type's suffixes `?` (pointer) and `!` (always in JSON).
    private static func field(_ text: Substring) -> FieldSchema? {
        let words = text.split(separator: " ")
        guard words.count == 3, let number = Int(words[1]) else { return nil }
        var word = words[2]
        let isOptional = word.hasSuffix("?")
        var isAlways = word.hasSuffix("!")
        if isOptional || isAlways { word = word.dropLast() }
        guard let type = fieldType(word) else { return nil }
        // Go never omits a structure that is not a pointer.
        if !isOptional, case .message = type { isAlways = true }
        return FieldSchema(
            number: number, name: String(words[0]), type: type, isOptional: isOptional, isAlwaysInJSON: isAlways)
    }

    private static func fieldType(_ word: Substring) -> FieldType? {
        if word.hasPrefix("[]") { return fieldType(word.dropFirst(2)).map { .list($0) } }
        if word.hasPrefix("map/") { return fieldType(word.dropFirst(4)).map { .map($0) } }
        if word.hasPrefix("inline/") { return places[String(word.dropFirst(7))].map { .inline($0) } }
        switch word {
        case "s": return .string
        case "b": return .bool
        case "i": return .integer
        case "by": return .bytes
        case "Time": return .time(fractionDigits: 0)
        case "MicroTime": return .time(fractionDigits: 6)
        case "Q": return .quantity
        case "IntOrString": return .integerOrString
        case "JSON": return .rawJSON
        default: return places[String(word)].map { .message($0) }
        }
    }
}
