internal import SwiftProtobuf

/// How objects are written on the wire.
package enum WireEncoding: Sendable, Equatable {
    /// `application/vnd.kubernetes.protobuf`
    case protobuf
    /// `application/json`
    case json

    /// - Parameter contentType: of a response; nil for anything that holds no Kubernetes objects, such as HTML.
    init?(contentType: String) {
        let type = contentType.lowercased().prefix { $0 != ";" && $0 != " " }
        switch type {
        case "application/vnd.kubernetes.protobuf": self = .protobuf
        case "application/json": self = .json
        default: return nil
        }
    }

    /// Header `Accept` of a list or watch; the response names what the server chose.
    func accept(watch: Bool) -> String {
        switch self {
        case .json: "application/json"
        case .protobuf where watch: "application/vnd.kubernetes.protobuf;stream=watch, application/json"
        case .protobuf: "application/vnd.kubernetes.protobuf, application/json"
        }
    }

    /// Reads one object that has no envelope (a list's item, or any JSON).
    func read<Object: Message>(_ type: Object.Type, from bytes: [UInt8]) throws(DecodingFailure) -> Object {
        do {
            switch self {
            case .protobuf:
                var options = BinaryDecodingOptions()
                options.discardUnknownFields = true
                return try Object(serializedBytes: bytes, options: options)
            case .json:
                var options = JSONDecodingOptions()
                options.ignoreUnknownFields = true
                return try Object(jsonUTF8Bytes: bytes, options: options)
            }
        } catch {
            throw .malformed(Object.protoMessageName)
        }
    }

    /// Reads one object, as `readEnveloped` where it stands alone.
    func read<Object: Message>(
        _ type: Object.Type, from bytes: [UInt8], isEnveloped: Bool
    ) throws(DecodingFailure) -> Object {
        isEnveloped ? try readEnveloped(type, from: bytes) : try read(type, from: bytes)
    }

    /// Reads one object as responses carry it alone: protobuf has the magic and an envelope around it.
    func readEnveloped<Object: Message>(_ type: Object.Type, from bytes: [UInt8]) throws(DecodingFailure) -> Object {
        guard self == .protobuf else { return try read(type, from: bytes) }
        guard bytes.starts(with: ProtobufListSplitter.magic) else { throw .wrongMagic }
        let envelope = try read(WireUnknown.self, from: Array(bytes.dropFirst(ProtobufListSplitter.magic.count)))
        guard envelope.contentEncoding.isEmpty else { throw .malformed("envelope: compressed object") }
        return try read(type, from: Array(envelope.raw))
    }
}

/// Cuts a list of either encoding into pieces.
struct ListSplitter {
    private enum Way {
        case protobuf(ProtobufListSplitter)
        case json(JSONMemberSplitter)
    }

    private var way: Way

    init(_ encoding: WireEncoding) {
        way =
            switch encoding {
            case .protobuf: .protobuf(ProtobufListSplitter())
            case .json: .json(JSONMemberSplitter(wanted: ["metadata": SizeLimit.listMetadata], elementsOf: "items"))
            }
    }

    mutating func feed(_ bytes: some Collection<UInt8>) throws(DecodingFailure) -> [ListPiece] {
        switch way {
        case .protobuf(var splitter):
            way = .protobuf(ProtobufListSplitter())  // lets go of the old value: changing a copy would copy its bytes
            defer { way = .protobuf(splitter) }
            return try splitter.feed(bytes)
        case .json(var splitter):
            way = .protobuf(ProtobufListSplitter())
            defer { way = .json(splitter) }
            return try splitter.feed(bytes).map { piece in
                switch piece {
                case .member(_, let value): .metadata(value)
                case .element(let value): .item(value)
                }
            }
        }
    }

    func finish() throws(DecodingFailure) {
        switch way {
        case .protobuf(let splitter): try splitter.finish()
        case .json(let splitter): try splitter.finish()
        }
    }
}
