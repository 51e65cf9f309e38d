import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Testing
import Text

@testable import ClusterLab

/// A running lab and a client that trusts its CA.
private struct Served {
    let lab: Lab
    let client: HTTPClient
    let base: String

    init(_ configuration: LabConfiguration) async throws {
        lab = try Lab(configuration: configuration)
        try await lab.start()
        base = "https://127.0.0.1:\(await lab.port)"
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(lab.authorityPEM.utf8)))
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
    }

    func request(
        _ method: String, _ path: String, token: String? = nil, accept: String = "application/json",
        body: (type: String, text: String)? = nil
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: base + path)
        request.method = .init(rawValue: method)
        request.headers.add(name: "Authorization", value: "Bearer \(token ?? lab.token)")
        request.headers.add(name: "Accept", value: accept)
        if let body {
            request.headers.add(name: "Content-Type", value: body.type)
            request.body = .bytes(ByteBuffer(string: body.text))
        }
        return try await client.execute(request, timeout: .seconds(20))
    }

    func json(_ path: String) async throws -> JSONValue {
        let response = try await request("GET", path)
        return try JSONReader.read(Array((try await response.body.collect(upTo: 1 << 26)).readableBytesView))
    }

    func close() async throws {
        await lab.stop()
        try await client.shutdown()
    }
}

@Suite("The API over HTTPS", .serialized) struct Serving {
    private static let configMap = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: NAME}
        data: {k: "VALUE"}
        """

    private static func configMap(_ name: String, _ value: String) -> String {
        configMap.replacing("NAME", with: name).replacing("VALUE", with: value)
    }

    @Test("lists, pages and watches, and follows a manifest file") func listAndWatch() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("lab-\(UUID().uuidString).yaml")
        try Self.configMap("one", "1").write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        var configuration = LabConfiguration()
        configuration.manifests = [file.path]
        let served = try await Served(configuration)
        let path = "/api/v1/namespaces/default/configmaps"
        let list = try await served.json(path)
        #expect(list["items"].elements.map(\.name) == ["one"])
        let version = try #require(list["metadata"]["resourceVersion"].text)

        let page = try await served.json("/api/v1/namespaces?limit=1")
        let token = try #require(page["metadata"]["continue"].text)
        let second = try await served.json("/api/v1/namespaces?limit=1&continue=\(token)")
        #expect(
            page["items"].elements.map(\.name) + second["items"].elements.map(\.name) == ["default", "kube-node-lease"])

        let watch = try await served.request("GET", path + "?watch=1&resourceVersion=\(version)&timeoutSeconds=15")
        #expect(watch.status == .ok)
        let text = Self.configMap("one", "2") + "\n---\n" + Self.configMap("two", "2")
        try text.write(to: file, atomically: true, encoding: .utf8)
        var seen = ""
        for try await chunk in watch.body {
            seen += String(buffer: chunk)
            if seen.contains("MODIFIED"), seen.contains("ADDED") { break }
        }
        #expect(seen.contains("\"two\""))
        try Self.configMap("two", "2").write(to: file, atomically: true, encoding: .utf8)
        let end = ContinuousClock.now + .seconds(180)
        var names: [String] = []
        repeat {
            names = try await served.json(path)["items"].elements.map(\.name)
            try await Task.sleep(for: .milliseconds(20))
        } while names != ["two"] && .now < end
        #expect(names == ["two"])
        try await served.close()
    }

    @Test("refusals are Status objects") func refusals() async throws {
        let served = try await Served(LabConfiguration())
        let services = "/api/v1/namespaces/default/services"
        let cases: [(String, String, Int)] = [
            ("GET", "/api/v1/namespaces/default/pods/none", 404), ("GET", "/api/v1/services?limit=x", 400),
            ("PUT", "/api/v1/services", 405), ("GET", "/api/v1/services?watch=1&sendInitialEvents=true", 422),
            ("GET", "/apis/none/v1", 404),
            ("GET", "/api/v1/services?resourceVersion=1&resourceVersionMatch=Exact", 200),
        ]
        for (method, path, code) in cases {
            let response = try await served.request(method, path)
            #expect(response.status.code == UInt(code), "\(method) \(path)")
        }
        #expect(try await served.request("GET", services, token: "wrong").status == .unauthorized)
        let large = String(repeating: "x", count: 3_200_000)
        let tooLarge = try await served.request("POST", services, body: ("application/json", large))
        #expect(tooLarge.status == .payloadTooLarge)
        try await served.close()
    }

    @Test("faults do what they say") func faults() async throws {
        var configuration = LabConfiguration()
        configuration.historyLimit = 4
        let served = try await Served(configuration)
        for number in 0..<10 { served.lab.apply(yaml: Self.configMap("a", "\(number)")) }
        let path = "/api/v1/configmaps"
        let old = try await served.request("GET", path + "?watch=1&resourceVersion=3&timeoutSeconds=5")
        let event = String(buffer: try await old.body.collect(upTo: 1 << 20))
        #expect(event.contains("\"ERROR\"") && event.contains("410"))

        served.lab.setFault(.tooManyRequests(retryAfter: 2))
        let refused = try await served.request("GET", path)
        #expect(refused.status == .tooManyRequests)
        #expect(refused.headers.first(name: "Retry-After") == "2")
        served.lab.setFault(.serverError)
        #expect(try await served.request("GET", path).status == .internalServerError)
        served.lab.setFault(nil)
        let before = served.lab.token
        served.lab.setFault(.tokenRotation)
        #expect(try await served.request("GET", path, token: before).status == .unauthorized)
        #expect(try await served.request("GET", path).status == .ok)
        served.lab.setFault(.tornChunk)
        await #expect(throws: (any Error).self) {
            let torn = try await served.request("GET", "/api/v1/services")
            _ = try await torn.body.collect(upTo: 1 << 20)
        }
        served.lab.setFault(nil)
        try await served.close()
    }

    @Test("protobuf lists and objects decode to what JSON says") func protobuf() async throws {
        let served = try await Served(LabConfiguration())
        let path = "/api/v1/services"
        let response = try await served.request("GET", path, accept: "application/vnd.kubernetes.protobuf")
        let bytes = Array((try await response.body.collect(upTo: 1 << 20)).readableBytesView)
        let decoded = try ObjectEncoding.decode(bytes)
        let list = try await served.json(path)
        #expect(decoded.sortedByName == list.sortedByName)
        try await served.close()
    }
}
