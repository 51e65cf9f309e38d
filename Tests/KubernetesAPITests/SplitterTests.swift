import ClusterModel
import Testing
import Text

@testable import KubernetesAPI

@Suite("cutting streams into items") struct SplitterTests {
    static let configMap = hex(
        "6b 38 73 00 0a 0f 0a 02 76 31 12 09 43 6f 6e 66 69 67 4d 61 70 12 13 0a 09 0a 01 61 1a 01 62 32 01 37 12 06 0a 01 6b 12 01 76 1a 00 22 00"
    )
    static let errorFrame = hex(
        "00 00 00 43 0a 05 45 52 52 4f 52 12 3a 0a 38 6b 38 73 00 0a 0c 0a 02 76 31 12 06 53 74 61 74 75 73 12 20 0a 06 0a 00 12 00 1a 00 12 07 46 61 69 6c 75 72 65 1a 01 78 22 07 45 78 70 69 72 65 64 30 9a 03 1a 00 22 00"
    )

    // MARK: Hand-built vectors

    @Test("an enveloped ConfigMap") func envelope() throws {
        let object = try WireEncoding.protobuf.readEnveloped(WireConfigMap.self, from: Self.configMap)
        #expect(object.metadata.name == "a")
        #expect(object.metadata.namespace == "b")
        #expect(object.metadata.resourceVersion == "7")
        #expect(object.data == ["k": "v"])
    }

    @Test("watch frames, cut at every place") func frames() throws {
        let added = hex("00 00 00 39 0a 05 41 44 44 45 44 12 30 0a 2e") + Self.configMap
        let stream = added + Self.errorFrame
        for size in 1...stream.count {
            let messages = try splitWatch(stream, .protobuf, chunk: size)
            #expect(messages.map(\.kind) == [.added, .error])
            #expect(messages.first?.object == Self.configMap)
            let report = StatusReport(body: messages.last?.object ?? [], httpStatus: nil)
            #expect(report.code == 410 && report.message == "x" && report.isExpired)
        }
        for end in 1..<stream.count where end != added.count {
            #expect(throws: DecodingFailure.truncated) { try splitWatch(Array(stream.prefix(end)), .protobuf) }
        }
    }

    @Test("a frame over the limit is refused before it is held") func frameLimit() {
        var splitter = WatchSplitter(.protobuf)
        #expect(throws: DecodingFailure.tooLarge(limit: SizeLimit.frame)) { try splitter.feed([0x01, 0, 0, 1]) }
        #expect(throws: DecodingFailure.tooLarge(limit: SizeLimit.frame)) {
            try splitter.feed([0xFF, 0xFF, 0xFF, 0xFF])
        }
    }

    @Test("unknown watch event types are refused") func unknownEvent() {
        #expect(throws: DecodingFailure.self) {
            try splitWatch(Array(#"{"type":"NEW","object":{}}"#.utf8), .json)
        }
    }

    /// A list whose raw part is `list`, as protobuf.
    private func enveloped(_ list: [UInt8], after: [UInt8] = [0x1A, 0, 0x22, 0]) -> [UInt8] {
        [0x6B, 0x38, 0x73, 0, 0x0A, 2, 0x0A, 0, 0x12, UInt8(list.count)] + list + after
    }

    @Test("ListMeta may come first, last or never") func metadataAnywhere() throws {
        let meta: [UInt8] = [0x0A, 3, 0x12, 1, 0x37]
        let item: [UInt8] = [0x12, 2, 0x0A, 0]
        #expect(try splitList(enveloped(meta + item), .protobuf) == [.metadata([0x12, 1, 0x37]), .item([0x0A, 0])])
        #expect(try splitList(enveloped(item + meta), .protobuf) == [.item([0x0A, 0]), .metadata([0x12, 1, 0x37])])
        #expect(try splitList(enveloped(item), .protobuf) == [.item([0x0A, 0])])
        #expect(try splitList(enveloped([]), .protobuf) == [])
    }

    @Test("unknown fields of every wire type are skipped") func unknownFields() throws {
        let unknown: [UInt8] =
            [0x18, 0xFF, 0x01] + [0x21, 1, 2, 3, 4, 5, 6, 7, 8] + [0x2D, 1, 2, 3, 4] + [0x32, 3, 9, 9, 9]
        let item: [UInt8] = [0x12, 0]
        for size in 1...20 {
            #expect(try splitList(enveloped(unknown + item + unknown), .protobuf, chunk: size) == [.item([])])
        }
    }

    @Test("broken protobuf lists are refused") func brokenLists() {
        let broken: [[UInt8]] = [
            Array("<html>".utf8),
            enveloped([0x12, 9, 1]),  // an item that goes past the list
            enveloped([0x12]),  // a field that never completes, followed by the envelope's
            enveloped([0x13, 0x14]),  // groups
            enveloped([0x00, 0x00]),  // field number 0
            enveloped([], after: [0x1A, 1, 0x78]),  // compressed
            enveloped([], after: [0x22, 1, 0x78]),  // another content type
            [0x6B, 0x38, 0x73, 0, 0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x6B, 0x38, 0x73, 0, 0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
            [0x6B, 0x38, 0x73, 0, 0x12, 0xFF, 0xFF, 0xFF, 0x7F, 0x12, 0xFF, 0xFF, 0xFF, 0x03],  // an item of 8 MiB
            [0x6B, 0x38, 0x73, 0],
        ]
        for bytes in broken { #expect(throws: DecodingFailure.self) { try splitList(bytes, .protobuf) } }
    }

    // MARK: Recordings in pieces

    @Test(
        "lists cut into chunks of any size",
        arguments: ["list-namespaces.pb", "list-namespaces.json", "list-services-page1.pb", "list-services-page1.json"])
    func listChunks(_ name: String) throws {
        let bytes = try Recordings.bytes(name)
        let whole = try splitList(bytes, Recordings.encoding(of: name))
        #expect(whole.count > 10)
        for size in Array(1...64) + [97, 251, 509, 1021, 4093, 16_381] {
            #expect(try splitList(bytes, Recordings.encoding(of: name), chunk: size) == whole, "chunks of \(size)")
        }
    }

    @Test(
        "large lists cut into some sizes",
        arguments: ["list-pods.pb", "list-endpointslices.pb", "list-endpointslices.json"])
    func largeListChunks(_ name: String) throws {
        let bytes = try Recordings.bytes(name)
        let whole = try splitList(bytes, Recordings.encoding(of: name))
        for size in [1, 61, 1021, 16_381, 65_521] {
            #expect(try splitList(bytes, Recordings.encoding(of: name), chunk: size) == whole, "chunks of \(size)")
        }
    }

    @Test(
        "watches cut into chunks of any size", arguments: ["watch-services", "watch-endpointslices", "watch-expired"])
    func watchChunks(_ name: String) throws {
        for name in [name + ".pb", name + ".json"] {
            let bytes = try Recordings.bytes(name)
            let whole = try splitWatch(bytes, Recordings.encoding(of: name))
            #expect(!whole.isEmpty)
            for size in Array(1...64) + [97, 251, 509, 1021, 4093] {
                #expect(try splitWatch(bytes, Recordings.encoding(of: name), chunk: size) == whole, "chunks of \(size)")
            }
        }
    }

    @Test(
        "a list cut off anywhere is never taken for whole", arguments: ["list-namespaces.pb", "list-namespaces.json"])
    func truncation(_ name: String) throws {
        let encoding = Recordings.encoding(of: name)
        var bytes = try Recordings.bytes(name)
        while encoding == .json, bytes.last.map(isJSONSpace) == true { bytes.removeLast() }
        // The two empty strings that end a protobuf envelope say nothing: without them the list is whole.
        let complete = encoding == .protobuf ? [bytes.count - 4, bytes.count - 2] : []
        for end in 0..<bytes.count where !complete.contains(end) {
            #expect(throws: DecodingFailure.truncated, "cut at \(end)") {
                try splitList(Array(bytes.prefix(end)), encoding)
            }
        }
    }

    @Test("objects cut off or altered anywhere never end the process") func alteredObjects() throws {
        for name in ["list-endpointslices.pb", "list-endpointslices.json"] {
            let encoding = Recordings.encoding(of: name)
            let pieces = try splitList(try Recordings.bytes(name), encoding)
            let items = pieces.compactMap { if case .item(let bytes) = $0 { bytes } else { nil } }
            let item = try #require(items.min { $0.count < $1.count })
            for index in item.indices {
                _ = try? ObservedObject(.endpointSlice, from: Array(item.prefix(index)), encoding, isEnveloped: false)
                var altered = item
                altered[index] ^= 1 << UInt8(index % 8)
                _ = try? ObservedObject(.endpointSlice, from: altered, encoding, isEnveloped: false)
            }
        }
    }

    @Test(
        "altered streams never end the process",
        arguments: ["watch-services.pb", "watch-services.json", "list-namespaces.pb", "list-namespaces.json"])
    func alteredStreams(_ name: String) throws {
        let bytes = Array(try Recordings.bytes(name).prefix(2048))
        for index in bytes.indices {
            var altered = bytes
            altered[index] = altered[index] &* 37 &+ 113
            _ = try? splitWatch(altered, Recordings.encoding(of: name))
            _ = try? splitList(altered, Recordings.encoding(of: name))
            _ = StatusReport(body: altered, httpStatus: nil)
        }
    }

    // MARK: JSON

    @Test("nesting of 100,000 levels is refused, not followed", arguments: ["[", "{\"a\":", "[{\"a\":["])
    func nesting(_ open: String) {
        let deep = Array(String(repeating: open, count: 100_000).utf8)
        let item = Array(#"{"items":[{"x":"#.utf8) + deep
        #expect(throws: DecodingFailure.tooDeep) { try splitList(item, .json) }
        #expect(throws: DecodingFailure.tooDeep) { try splitList(Array(#"{"other":"#.utf8) + deep, .json) }
        #expect(throws: DecodingFailure.tooDeep) {
            try splitWatch(Array(#"{"type":"ADDED","object":"#.utf8) + deep, .json)
        }
        #expect(StatusReport(body: deep, httpStatus: 500).code == 500)
    }

    @Test("members in any order, with any values and spaces") func jsonMembers() throws {
        let text = #"""
             { "x" : [1, {"items":[2]}, "]}"], "n": null ,"t":true,"f":-1.5e3, "s" : "a\"}\\" ,
              "items" : [ {"metadata":{"name":"a,]"}} , {} ,7,"x"] , "metadata":{"resourceVersion":"5"} }
            """#
        let expected: [ListPiece] = [
            .item(Array(#"{"metadata":{"name":"a,]"}}"#.utf8)), .item(Array("{}".utf8)), .item(Array("7".utf8)),
            .item(Array(#""x""#.utf8)), .metadata(Array(#"{"resourceVersion":"5"}"#.utf8)),
        ]
        for size in 1...40 { #expect(try splitList(Array(text.utf8), .json, chunk: size) == expected) }
        #expect(try splitList(Array(#"{"items":null}"#.utf8), .json) == [])
        #expect(try splitList(Array(#"{"items":[]}"#.utf8), .json) == [])
        #expect(try splitList(Array("{}".utf8), .json) == [])
    }

    @Test(
        "broken JSON is refused",
        arguments: [
            "", "[]", "null", "<html>", #"{"items":[}"#, #"{"items":[{]}]}"#, #"{"items":[{}{}]}"#, #"{"items":[,]}"#,
            #"{"a" 1}"#, #"{"a":}"#, #"{"a":1,}"#, #"{} {}"#, #"{"items":[{}],"metadata":{}"#,
        ])
    func brokenJSON(_ text: String) {
        #expect(throws: DecodingFailure.self) { try splitList(Array(text.utf8), .json) }
    }

    @Test("an item over the limit is refused while it arrives") func itemLimit() {
        var splitter = ListSplitter(.json)
        #expect(throws: DecodingFailure.tooLarge(limit: SizeLimit.item)) {
            _ = try splitter.feed(Array(#"{"items":[""#.utf8))
            for _ in 0..<5 { _ = try splitter.feed([UInt8](repeating: 0x61, count: 1 << 20)) }
        }
    }
}
