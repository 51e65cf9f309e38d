internal import AsyncHTTPClient
internal import NIOCore

/// Reads the metrics pages of DNS pods over HTTP.
struct PodScraper: Sendable {
    /// Of more pods the first so many stand for all.
    static let mostPods = 500
    private static let atOnce = 16
    private static let timeout = TimeAmount.seconds(2)
    private static let largestPage = 1 << 20

    /// - Returns: by address; pods that do not answer in time, or not with such a page, are missing.
    func scrape(_ addresses: [String], port: Int) async -> [String: LoadSample] {
        await withTaskGroup(of: (String, LoadSample?).self) { group in
            var waiting = addresses[...]
            func start() {
                guard let address = waiting.popFirst() else { return }
                group.addTask { (address, await Self.page(address, port)) }
            }
            for _ in 0..<Self.atOnce { start() }
            var samples: [String: LoadSample] = [:]
            for await (address, sample) in group {
                if let sample { samples[address] = sample }
                start()
            }
            return samples
        }
    }

    private static func page(_ address: String, _ port: Int) async -> LoadSample? {
        let host = address.contains(":") ? "[\(address)]" : address
        do {
            let response = try await HTTPClient.shared.execute(
                HTTPClientRequest(url: "http://\(host):\(port)/metrics"), timeout: timeout)
            // An error's page has no counters, so that its text is nil below.
            let body = try await response.body.collect(upTo: largestPage)
            return LoadSample(page: String(decoding: body.readableBytesView, as: UTF8.self))
        } catch {
            return nil
        }
    }
}
