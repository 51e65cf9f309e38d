import DNSServer
import DNSWire
import Foundation
import Synchronization
import TestKit
import ZoneData

/// An upstream of the answer scripts: it says what its lines say, and every EDNS option that it is asked with.
final class ScriptUpstream: Sendable {
    private let known = Mutex<[Line]>([])

    /// One line: `[udp|tcp] OWNER TTL IN TYPE DATA`, or what becomes of every question for the owner.
    private struct Line {
        let transport: DNSServer.Transport?
        let owner: String
        let content: Content

        enum Content {
            case record(TestRecord)
            case code(UInt8)
            case truncated
            case silent
        }

        init(_ text: String) throws {
            var words = text.split(separator: " ").map(String.init)[...]
            switch words.first {
            case "udp": transport = .udp
            case "tcp": transport = .tcp
            default: transport = nil
            }
            if transport != nil { words = words.dropFirst() }
            owner = words.first?.lowercased() ?? ""
            content = try Self.content(Array(words)).orThrow(NoUpstreamLine(text: text))
        }

        private static func content(_ words: [String]) -> Content? {
            guard words.count == 2 else { return TestRecord(zoneText: words).map(Content.record) }
            switch words[1] {
            case "truncated": return .truncated
            case "silent": return .silent
            case let word: return ResponseCode(name: word).map { .code(UInt8(truncatingIfNeeded: $0.rawValue)) }
            }
        }

        var record: TestRecord? {
            guard case .record(let record) = content else { return nil }
            return record
        }
    }

    struct NoUpstreamLine: Error {
        let text: String
    }

    /// Knows exactly what `lines` say from now on.
    func say(_ lines: [String]) throws {
        let read = try lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }.map(Line.init)
        known.withLock { $0 = read }
    }

    var script: ScriptedUpstream.Script { { [self] query in [reply(to: query)].compactMap(\.self) } }

    private func reply(to query: ReceivedQuery) -> [UInt8]? {
        let known = known.withLock { $0 }.filter { $0.transport == nil || $0.transport == query.transport }
        let options = (try? MessageText.text(of: query.octets))?.edns?.options ?? []
        let (asked, type, _, _) = query.parsed
        var (owner, answers) = (asked.lowercased(), [TestRecord]())
        // An alias is followed as far as it is known.
        for _ in known.indices {
            let here = known.filter { $0.owner == owner }
            switch here.first?.content {
            case .silent: return nil
            case .truncated: return query.reply(truncated: true, options: options)
            case .code(let code): return query.reply(code: code, options: options)
            case .record: break
            case nil: return query.reply(answers, authority: Self.denial(of: owner, known), code: 3, options: options)
            }
            let records = here.compactMap(\.record)
            let found = records.filter { $0.type == type }
            answers += (found.isEmpty ? records.filter { $0.type == .cname } : found)
                .map {
                    TestRecord(
                        name: owner == asked.lowercased() ? asked : $0.name, type: $0.type, ttl: $0.ttl, data: $0.data)
                }
            guard found.isEmpty, let alias = records.first(where: { $0.type == .cname }) else {
                return query.reply(
                    answers, authority: found.isEmpty ? Self.denial(of: owner, known) : [], options: options)
            }
            owner = withBytes(alias.data) { $0.nameText }.lowercased()
        }
        return query.reply(answers, code: 3, options: options)
    }

    /// The SOA of the zone that a name is in, where there is one.
    private static func denial(of name: String, _ known: [Line]) -> [TestRecord] {
        known.compactMap(\.record).filter { $0.type == .soa && ".\(name)".hasSuffix(".\($0.name)") }
    }
}

extension Optional {
    fileprivate func orThrow(_ error: some Error) throws -> Wrapped {
        guard let self else { throw error }
        return self
    }
}

extension TestRecord {
    /// A record of a few types, with whole names; nil for what is none.
    fileprivate init?(zoneText words: [String]) {
        guard words.count > 4, words[2] == "IN", let ttl = UInt32(words[1]), let type = RecordType(words[3]) else {
            return nil
        }
        let data = Array(words.dropFirst(4))
        func name(_ text: String) -> [UInt8] { Name.wireKeepingCase(text) ?? [0] }
        func number(_ text: String, _ octets: Int) -> [UInt8] {
            (1...octets).map { UInt8(truncatingIfNeeded: (UInt64(text) ?? 0) >> UInt64(8 * (octets - $0))) }
        }
        switch type {
        case .a, .aaaa: self.init(name: words[0], type: type, ttl: ttl, data: IPAddress(data[0])?.octets ?? [])
        case .cname, .ns, .ptr: self.init(name: words[0], type: type, ttl: ttl, data: name(data[0]))
        case .mx: self.init(name: words[0], type: type, ttl: ttl, data: number(data[0], 2) + name(data[1]))
        case .txt:
            let text = data.joined(separator: " ").replacing("\"", with: "").utf8
            self.init(name: words[0], type: type, ttl: ttl, data: [UInt8(truncatingIfNeeded: text.count)] + text)
        case .soa:
            self.init(
                name: words[0], type: type, ttl: ttl,
                data: name(data[0]) + name(data[1]) + data.dropFirst(2).flatMap { number($0, 4) })
        default: return nil
        }
    }
}
