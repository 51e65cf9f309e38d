/// How much a Corefile may ask of the reader; each bound turns a bomb into an error.
enum Limits {
    static let fileBytes = 1 << 20
    static let allFilesBytes = 16 << 20
    static let blockDepth = 64
    static let snippetExpansions = 10_000
    static let fileExpansions = 100_000
    /// Counts words again each time an import repeats them.
    static let words = 1_000_000
    /// A key of eleven characters can stand for 128 reverse zones.
    static let zones = 100_000
    static let errors = 100
    static let shownScalars = 64
    /// CoreDNS' bound on the text of a zone, escapes included.
    static let zoneCharacters = 255
}
