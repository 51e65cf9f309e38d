import Text

/// One event of a watch, its object still encoded.
struct WatchMessage: Equatable {
    enum Kind: String {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
        case bookmark = "BOOKMARK"
        case error = "ERROR"
    }

    let kind: Kind
    /// In protobuf with the magic and an envelope.
    let object: [UInt8]

    init(_ bytes: [UInt8], _ encoding: WireEncoding) throws(DecodingFailure) {
        let name: String
        switch encoding {
        case .protobuf:
            (name, object) = try Self.read(ProtobufMessage(bytes))
        case .json:
            var members = JSONMemberSplitter(wanted: ["type": 64, "object": SizeLimit.frame])
            var type: [UInt8] = []
            var value: [UInt8] = []
            for case .member(let key, let bytes) in try members.feed(bytes) {
                if key == "type" { type = bytes } else { value = bytes }
            }
            try members.finish()
            name = String(decoding: type.dropFirst().dropLast(), as: UTF8.self)
            object = value
        }
        guard let kind = Kind(rawValue: name) else { throw .malformed("watch event type") }
        self.kind = kind
    }

    /// meta/v1 WatchEvent: its type, and the octets of its object.
    private static func read(_ event: ProtobufMessage) throws(DecodingFailure) -> (String, [UInt8]) {
        var type = ""
        var object: [UInt8] = []
        try event.forEachField { field throws(DecodingFailure) in
            guard let payload = field.payload else { return }
            if field.tag == 1 { type = try event.text(payload) }
            guard field.tag == 2 else { return }
            let raw = event.message(payload)
            try raw.forEachField { field throws(DecodingFailure) in
                if field.tag == 1, let payload = field.payload { object = Array(raw.octets(payload)) }
            }
        }
        return (type, object)
    }
}

/// Cuts a watch of either encoding into its messages.
struct WatchSplitter {
    let encoding: WireEncoding
    private var frames = WatchFrameSplitter()
    private var objects = JSONSequenceSplitter()

    init(_ encoding: WireEncoding) { self.encoding = encoding }

    mutating func feed(_ bytes: some Collection<UInt8>) throws(DecodingFailure) -> [WatchMessage] {
        var messages: [WatchMessage] = []
        for item in encoding == .protobuf ? try frames.feed(bytes) : try objects.feed(bytes) {
            messages.append(try WatchMessage(item, encoding))
        }
        return messages
    }

    func finish() throws(DecodingFailure) {
        try frames.finish()
        try objects.finish()
    }
}
