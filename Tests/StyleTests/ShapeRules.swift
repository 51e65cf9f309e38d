import Foundation
import Testing

@Suite("the shape of files and functions") struct ShapeRules {
    @Test("no function is longer than 60 lines") func length() throws {
        let exceptions: Exceptions = [
            "Sources/ClusterLab/API/Table.swift: all": "a table: the columns of every kind, as kubectl shows them"
        ]
        let files = try SourceFile.all(under: "Sources")
        exceptions.expectExactly(
            files.flatMap { file in file.functions.filter { $0.length > 60 }.map { "\(file.path): \($0.name)" } },
            "a function of more than 60 lines does more than one thing")
        // What counts them finds them.
        #expect(files.flatMap(\.functions).filter { $0.length > 20 }.count > 100)
    }

    @Test("a file is named after what it declares") func names() throws {
        let exceptions: Exceptions = [
            "Sources/ClusterLab/API/Selectors.swift": "both kinds of selectors",
            "Sources/ClusterModel/Tables/CompactObjects.swift": "objects as octets, and their kinds",
            "Sources/ClusterModel/Tables/ObjectStore.swift": "the states of objects that tables are made from",
            "Sources/ClusterModel/Tables/Octets.swift": "how tables read and write octets",
            "Sources/DNSServer/Listening/LentBytes.swift": "functions that lend the buffers of sockets",
            "Sources/DNSServer/Listening/TransportQueries.swift": "what encrypted listeners hand over, and its answer",
            "Sources/DNSWire/Bytes.swift": "views of octets to read and to write",
            "Sources/EventLoop/Sockets/StreamSockets.swift": "sockets of connections, listening and connected",
            "Sources/SecureTransport/Listening/ClientAddress.swift": "addresses between NIO and this program",
            "Sources/Telemetry/Instruments.swift": "counters, gauges and histograms",
        ]
        let files = try SourceFile.all(under: "Sources")
        exceptions.expectExactly(
            files.filter { !$0.declaresItsName }.map(\.path), "a file is found by the name of the type one looks for")
    }
}

extension SourceFile {
    /// X.swift declares X, or is X as a constant or function; X+Y.swift extends X.
    fileprivate var declaresItsName: Bool {
        let words = name.split(separator: "+").map(String.init)
        let first = words.first ?? ""
        if path.hasSuffix("/main.swift") { return true }
        let kinds = words.count > 1 ? ["extension"] : ["struct", "class", "enum", "actor", "protocol", "typealias"]
        let constant = first.prefix(1).lowercased() + first.dropFirst()
        return code.contains { line in
            // A nested type of that name is one as well: `extension Outer { struct Name`.
            let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
            for (word, next) in zip(words, words.dropFirst()) {
                if kinds.contains(String(word)), next == first || next.hasSuffix("." + first) { return true }
                if ["let", "var", "func"].contains(word), next == constant, !line.hasPrefix(" ") { return true }
            }
            return false
        }
    }

    /// Functions and initializers with their number of lines.
    fileprivate var functions: [(name: String, length: Int)] {
        let lines = code
        return lines.indices.compactMap { start in
            let line = lines[start]
            guard let match = line.firstMatch(of: /^( *)(?:@?[\w()]+ )*(?:func ([^ (<]+)|(init|deinit)\b)/) else {
                return nil
            }
            let margin = String(match.output.1)
            guard !line.contains("{") || line.hasSuffix("{") else { return (String(match.output.2 ?? "init"), 1) }
            let name = String(match.output.2 ?? "init")
            // Its end stands where its beginning does; a requirement of a protocol has none.
            for end in lines.index(after: start)..<max(lines.endIndex, start + 1) {
                let other = lines[end]
                if other == margin + "}" { return (name, end - start + 1) }
                if other.hasPrefix(margin), let next = other.dropFirst(margin.count).first,
                    !next.isWhitespace, next != ")", next != "}"
                {
                    return nil
                }
                if !other.hasPrefix(margin), !other.isEmpty { return nil }
            }
            return nil
        }
    }
}
