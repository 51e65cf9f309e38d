import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Text

/// Answers one list: the right version, one page, selected, written in pieces.
struct ListHandler: Sendable {
    let resource: ResourceHandler
    let options: ListOptions
    let form: Representation
    /// The client takes gzip.
    var acceptsGzip = false

    private var kind: ResourceKind { resource.kind }
    private var namespace: String? { resource.address.namespace }

    /// Bytes gathered before they are written out.
    private static let pieceSize = 64 * 1024

    func answer() async throws -> Response {
        if let seconds = resource.behaviour.listDelay { try await Task.sleep(for: .seconds(seconds)) }
        try await waitForVersion()
        let (objects, version) = try snapshot()
        let (page, next, remaining) = page(of: objects, version)
        var metadata: JSONValue = ["resourceVersion": .string(String(version))]
        if let next {
            metadata["continue"] = .string(next.text)
            // Selectors make the rest unknown without looking.
            if !options.hasSelector { metadata["remainingItemCount"] = .int(Int64(remaining)) }
        }
        let isTorn = resource.behaviour.has(.tornChunk)
        switch (form.encoding, form.shape) {
        case (_, .table):
            var table = Table.of(page, kind, version: version)
            table["metadata"] = metadata
            return APIResponder.json(.ok, table)
        case (.json, _): return json(page, metadata, isTorn)
        case (.protobuf, _): return try protobuf(page, metadata, isTorn)
        }
    }

    private func response(isCompressed: Bool, body: ResponseBody) -> Response {
        var headers: HTTPFields = [.contentType: form.contentType]
        if isCompressed { headers[.contentEncoding] = "gzip" }
        return Response(status: .ok, headers: headers, body: body)
    }

    /// A version from the future may still come; after three seconds the client is told to try again.
    private func waitForVersion() async throws {
        guard let wanted = options.version, options.continueToken == nil else { return }
        let end = Date().addingTimeInterval(RequestLimits.versionWait)
        while resource.cluster.version < wanted {
            guard Date() < end else { throw StatusError.versionTooLarge(wanted, current: resource.cluster.version) }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func snapshot() throws(StatusError) -> ([StoredObject], UInt64) {
        if resource.behaviour.expiry != nil, options.version ?? 0 != 0 || options.continueToken != nil {
            throw .expired("The provided continue parameter is too old to display a consistent list result.")
        }
        var exact: UInt64?
        if let token = options.continueToken {
            exact = token.version
        } else if let version = options.version, version != 0,
            options.match == "Exact" || options.match == nil && options.limit > 0
        {
            exact = version
        }
        let found = resource.cluster.read { state -> ([StoredObject]?, UInt64) in
            guard let exact else { return (state.store.list(kind, namespace: namespace), state.store.version) }
            guard exact <= state.store.version else { return (nil, exact) }
            return (state.store.list(kind, namespace: namespace, at: exact), exact)
        }
        guard let objects = found.0 else {
            throw .expired(
                options.continueToken == nil
                    ? "The resourceVersion for the provided list is too old."
                    : "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
            )
        }
        return (objects, found.1)
    }

    private func page(
        of objects: [StoredObject], _ version: UInt64
    ) -> (page: [StoredObject], next: ContinueToken?, remaining: Int) {
        var start = 0
        if let after = options.continueToken?.after {
            start = objects.map(\.key).firstPosition { $0 <= after }
        }
        let name = options.fields.onlyName
        var page: [StoredObject] = []
        var position = start
        // As in the API server, any state ("0") ignores the limit.
        let limit = options.version == 0 && options.continueToken == nil ? 0 : options.limit
        while position < objects.count {
            let object = objects[position]
            position += 1
            if let name, object.name != name { continue }
            if options.hasSelector {
                let value = object.value(kind)
                guard options.labels.matches(value.labels), options.fields.matches(value) else { continue }
            }
            page.append(object)
            if limit > 0, page.count == limit { break }
        }
        let remaining = objects.count - position
        guard remaining > 0, let last = page.last else { return (page, nil, 0) }
        return (page, ContinueToken(version: version, after: last.key), remaining)
    }

    // MARK: Bodies

    /// A piece as it goes out: compressed where the client and the size ask for it.
    private static func packed(_ piece: [UInt8], _ gzip: inout Gzip?, isLast: Bool) -> ByteBuffer {
        gzip?.add(piece, isLast: isLast)
        return ByteBuffer(bytes: gzip?.takeOutput() ?? piece)
    }

    private func json(_ page: [StoredObject], _ metadata: JSONValue, _ isTorn: Bool) -> Response {
        let isPartial = form.shape == .metadataOnly
        let head: JSONValue = [
            "kind": .string(isPartial ? "PartialObjectMetadataList" : kind.listKind),
            "apiVersion": .string(isPartial ? "meta.k8s.io/v1" : kind.apiVersion), "metadata": metadata,
        ]
        var begin = Array(head.bytes.dropLast()) + Array(",\"items\":[".utf8)
        var position = 0
        // So much is encoded before the headers go out that the size decides about compression.
        while acceptsGzip, position < page.count, begin.count <= Compression.threshold {
            append(page[position], at: position, to: &begin)
            position += 1
        }
        let isCompressed = acceptsGzip && begin.count > Compression.threshold
        let (first, encoded) = (begin, position)
        let body = ResponseBody { writer in
            var gzip = isCompressed ? Gzip() : nil
            var piece = first
            for position in encoded..<page.count {
                append(page[position], at: position, to: &piece)
                if piece.count >= Self.pieceSize {
                    try await writer.write(Self.packed(piece, &gzip, isLast: false))
                    piece.removeAll(keepingCapacity: true)
                }
                if isTorn, position >= page.count / 2 { break }
            }
            if isTorn { throw ConnectionCut() }
            piece.append(contentsOf: "]}\n".utf8)
            try await writer.write(Self.packed(piece, &gzip, isLast: true))
            try await writer.finish(nil)
        }
        return response(isCompressed: isCompressed, body: body)
    }

    private func append(_ object: StoredObject, at position: Int, to piece: inout [UInt8]) {
        if position > 0 { piece.append(UInt8(ascii: ",")) }
        if form.shape == .metadataOnly {
            let partial: JSONValue = ["metadata": object.value(kind)["metadata"]]
            partial.append(to: &piece)
        } else if kind.custom != nil {
            // Items of custom kinds carry their type, as the API server sends them.
            object.typed(kind).append(to: &piece)
        } else {
            object.value(kind).append(to: &piece)
        }
    }

    private func protobuf(_ page: [StoredObject], _ metadata: JSONValue, _ isTorn: Bool) throws -> Response {
        let isPartial = form.shape == .metadataOnly
        var items: [[UInt8]] = []
        items.reserveCapacity(page.count)
        for object in page {
            guard isPartial else {
                items.append(try object.protobuf(kind))
                continue
            }
            var writer = ProtobufWriter()
            if let schema = Schemas.named("PartialObjectMetadata") {
                try writer.write(["metadata": object.value(kind)["metadata"]], as: schema)
            }
            items.append(writer.out)
        }
        var first = ProtobufWriter()
        if let schema = Schemas.named("ListMeta") {
            try first.nested(1) { writer throws(FieldMismatch) in try writer.write(metadata, as: schema) }
        }
        var head = ProtobufWriter()
        head.nested(1) { type in
            type.write(text: isPartial ? "meta.k8s.io/v1" : kind.apiVersion, 1)
            type.write(text: isPartial ? "PartialObjectMetadataList" : kind.kind + "List", 2)
        }
        let rawLength = items.reduce(first.out.count) { $0 + $1.count + ProtobufWriter.headLength(2, $1.count) }
        head.writeHead(2, length: rawLength)
        let (start, all) = (ObjectEncoding.magic + head.out + first.out, items)
        let isCompressed = acceptsGzip && rawLength > Compression.threshold
        let body = ResponseBody { writer in
            var gzip = isCompressed ? Gzip() : nil
            var piece = start
            for (position, item) in all.enumerated() {
                var itemHead = ProtobufWriter(reserving: 8)
                itemHead.writeHead(2, length: item.count)
                piece.append(contentsOf: itemHead.out)
                piece.append(contentsOf: item)
                if piece.count >= Self.pieceSize {
                    try await writer.write(Self.packed(piece, &gzip, isLast: false))
                    piece.removeAll(keepingCapacity: true)
                }
                if isTorn, position >= all.count / 2 { throw ConnectionCut() }
            }
            piece.append(contentsOf: [0x1A, 0x00, 0x22, 0x00])
            try await writer.write(Self.packed(piece, &gzip, isLast: true))
            try await writer.finish(nil)
        }
        return response(isCompressed: isCompressed, body: body)
    }
}

/// Thrown inside a body to close the connection before its end.
struct ConnectionCut: Error {}

extension ProtobufWriter {
    /// The key and length of a delimited field whose bytes follow.
    mutating func writeHead(_ number: Int, length: Int) {
        var rest = UInt64(number) << 3 | 2
        for value in [rest, UInt64(max(0, length))] {
            rest = value
            while rest >= 0x80 {
                append(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            append(UInt8(rest))
        }
    }

    static func headLength(_ number: Int, _ length: Int) -> Int {
        var writer = ProtobufWriter(reserving: 8)
        writer.writeHead(number, length: length)
        return writer.out.count
    }
}
