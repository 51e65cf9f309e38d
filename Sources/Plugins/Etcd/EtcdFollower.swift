import ClusterSource
import KubernetesAPI
import Snapshots
import Synchronization
import Telemetry
import Text

/// Keeps the records of etcd in memory: reads them all, then watches them, by the JSON form of its API (v3).
final class EtcdFollower: Sendable {
    let published = Published(EtcdTable())
    private let settings: EtcdSettings
    /// Of the path below which the records are.
    let lastHeard = LastHeard<String>()
    private let table = Mutex(EtcdTable())
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let said = Mutex<String?>(nil)

    /// Why the records cannot be read or followed.
    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Session: Sendable {
        let connection: APIConnection
        /// Of the user; empty without one.
        var token = ""
    }

    /// etcd says every ten minutes how far a quiet watch is.
    private static let longestSilence = Duration.seconds(15 * 60)
    private static let pause = Duration.seconds(1)
    /// Records of one page.
    private static let pageSize = 250

    init(_ settings: EtcdSettings) { self.settings = settings }

    func start() {
        task.withLock { task in
            guard task == nil else { return }
            task = Task { [self] in
                while !Task.isCancelled {
                    for endpoint in settings.endpoints where !Task.isCancelled {
                        await follow(endpoint)
                        try? await Task.sleep(for: Self.pause)
                    }
                }
            }
        }
    }

    func stop() { task.withLock { $0 }?.cancel() }

    private func follow(_ url: String) async {
        do {
            var session = Session(connection: try APIConnection(try settings.endpoint(url)))
            if !settings.user.isEmpty { session.token = try await authenticate(session) }
            let revision = try await readAll(session)
            if said.withLock({ $0.take() }) != nil { Log.info("plugin/etcd: \(url) is followed again") }
            try await watch(session, from: revision + 1)
        } catch {
            let reason = "\(error)"
            guard !Task.isCancelled,
                said.withLock({ said in
                    defer { said = reason }; return said != reason
                })
            else {
                return
            }
            Log.warning("plugin/etcd: cannot follow \(url): \(reason); what is known stays")
        }
    }

    // MARK: Requests

    private func post(_ path: String, _ body: JSONValue, _ session: Session) async throws -> JSONValue {
        let response = try await session.connection.send(request(path, body, session))
        guard response.status == 200 else { throw failure(response) }
        return try JSONReader.read(response.body)
    }

    private func request(_ path: String, _ body: JSONValue, _ session: Session) -> APIRequest {
        var request = APIRequest(verb: .post, path: path, body: body.bytes)
        if !session.token.isEmpty { request.authorization = session.token }
        return request
    }

    private func failure(_ response: APIResponse) -> Failure {
        let body = try? JSONReader.read(response.body)
        let text = body?["error"].text ?? body?["message"].text ?? "no reason"
        return Failure(description: "HTTP \(response.status): \(text.prefix(200))")
    }

    private func authenticate(_ session: Session) async throws -> String {
        let body: JSONValue = ["name": .string(settings.user), "password": .string(settings.password.revealed)]
        let answer = try await post("/v3/auth/authenticate", body, session)
        guard let token = answer["token"].text else { throw Failure(description: "no token for \(settings.user)") }
        return token
    }

    /// The first key and the one behind the last.
    private var range: (key: JSONValue, end: JSONValue) {
        let path = Array("/\(settings.path)/".utf8)
        let end = path.dropLast() + [UInt8(ascii: "/") + 1]
        return (.string(Base64.text(of: path)), .string(Base64.text(of: Array(end))))
    }

    /// Numbers of 64 bits are text in this form of the API.
    private static func number(_ value: JSONValue) -> Int64? { value.number ?? value.text.flatMap { Int64($0) } }

    // MARK: Reading

    /// Pages of one moment, so that a tree of any size can be read.
    private func readAll(_ session: Session) async throws -> Int64 {
        var (new, first, revision) = (EtcdTable(), range.key, Int64(0))
        while true {
            let answer = try await post(
                "/v3/kv/range",
                [
                    "key": first, "range_end": range.end, "limit": .string("\(Self.pageSize)"),
                    "revision": .string("\(revision)"),
                ], session)
            guard let now = Self.number(answer["header"]["revision"]), now > 0 else {
                throw Failure(description: "an answer without a revision")
            }
            if revision == 0 { revision = now }
            let pairs = answer["kvs"].elements
            for pair in pairs {
                if let (key, record) = try await read(pair, session) { new.set(key, record) }
            }
            guard answer["more"].flag == true, let last = pairs.last?["key"].text.flatMap({ Base64.octets(of: $0) })
            else { break }
            first = .string(Base64.text(of: last + [0]))
        }
        new.missing = nil
        publish(new)
        lastHeard.heard(settings.path)
        return revision
    }

    func publish(_ new: EtcdTable) {
        table.withLock { $0 = new }
        published.publish(new)
    }

    /// A pair's key, and its record if it holds one.
    private func read(_ pair: JSONValue, _ session: Session) async throws -> (String, EtcdRecord?)? {
        guard let octets = pair["key"].text.flatMap({ Base64.octets(of: $0) }) else { return nil }
        let key = String(decoding: octets, as: UTF8.self)
        let value = pair["value"].text.flatMap { Base64.octets(of: $0) } ?? []
        var lease: UInt32?
        if let id = Self.number(pair["lease"]), id != 0 {
            let answer = try await post("/v3/lease/timetolive", ["ID": .string("\(id)")], session)
            if let granted = Self.number(answer["grantedTTL"]), granted > 0 {
                let bounded = max(Int64(settings.leastLeaseTTL), min(granted, Int64(settings.longestLeaseTTL)))
                lease = UInt32(clamping: bounded)
            }
        }
        let labels = key.dropFirst(settings.path.utf8.count + 2).split(separator: "/").map(String.init)
        let record = EtcdRecord(labels: labels, value: value, leaseTTL: lease)
        if record == nil, !value.isEmpty { Log.warning("plugin/etcd: \(key) holds no record: \(value.count) octets") }
        return (key, record)
    }

    // MARK: Watching

    private func watch(_ session: Session, from revision: Int64) async throws {
        let create: JSONValue = [
            "create_request": [
                "key": range.key, "range_end": range.end, "start_revision": .string("\(revision)"),
                "progress_notify": .bool(true),
            ]
        ]
        let response = try await session.connection.objects(
            of: request("/v3/watch", create, session), silence: Self.longestSilence
        ) { [self] object in await take(object, session) }
        if let response { throw failure(response) }
        throw Failure(description: "the watch has ended")
    }

    /// False when the watch is over: everything is read again.
    private func take(_ object: [UInt8], _ session: Session) async -> Bool {
        guard let answer = try? JSONReader.read(object) else { return false }
        let result = answer["result"]
        guard result.isObject, result["canceled"].flag != true else { return false }
        lastHeard.heard(settings.path)
        var changed: [(String, EtcdRecord?)] = []
        for event in result["events"].elements {
            guard let change = try? await read(event["kv"], session) else { continue }
            changed.append(event["type"].text == "DELETE" ? (change.0, nil) : change)
        }
        guard !changed.isEmpty else { return true }
        let new = table.withLock { table in
            for (key, record) in changed { table.set(key, record) }
            return table
        }
        published.publish(new)
        return true
    }
}
