internal import Text

extension JSONValue {
    /// A body that is one JSON document.
    init(decoding body: [UInt8]) throws(DecodingFailure) {
        do throws(JSONError) {
            self = try JSONReader.read(body)
        } catch {
            throw .malformed("JSON: \(error)")
        }
    }

    /// The members of an object that is written back, so that nothing else in it changes.
    func kept(_ name: String, of what: String) throws(DecodingFailure) -> JSONValue {
        guard has(name) else { throw .malformed("\(what) without \(name)") }
        return self[name]
    }
}
