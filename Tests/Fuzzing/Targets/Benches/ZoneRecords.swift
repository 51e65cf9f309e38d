import ClusterModel
import DNSWire
import FuzzDriver
import ZoneData

/// Every record of a cluster, zone after zone, as transfers give them.
enum ZoneRecords {
    private static let zones = ["cluster.local", "clusterset.local", "in-addr.arpa", "ip6.arpa"]

    /// As ldns prints them, sorted.
    static func all(of snapshot: ClusterSnapshot) -> [String] {
        zones.flatMap { zone in
            messages(of: snapshot, zone).flatMap { message -> [String] in
                do {
                    return try MessageText.text(of: message).answer
                } catch {
                    hold(false, "ldns cannot read a copy of \(zone): \(error)")
                    return []
                }
            }.sorted()
        }
    }

    /// Records beside those that a cluster without objects has.
    static func count(of snapshot: ClusterSnapshot) -> Int {
        all(of: snapshot).count { !$0.hasPrefix("dns-version.") }
    }

    private static func messages(of snapshot: ClusterSnapshot, _ zone: String) -> [[UInt8]] {
        guard let name = Name(zone) else { return [] }
        let walk = ZoneWalk(
            snapshot, zone: name, isMulticluster: zone == "clusterset.local",
            primaryZone: Name("cluster.local") ?? .root, ttl: 30)
        let question: [UInt8] = [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name.wire + [0, 252, 0, 1]
        let buffer = ByteBlock(capacity: 16_384)
        let scratch = ByteBlock(capacity: 255)
        var messages: [[UInt8]] = []
        withBytes(question) { message in
            var query = Query()
            _ = QuestionParser.parse(message, into: &query, scratch: scratch.bytes)
            var isWhole = false
            while !isWhole {
                hold(messages.count < 10_000, "a copy without an end")
                var response = MessageWriter(buffer.bytes)
                response.begin(message, query, size: 16_383)
                isWhole = walk.append(to: &response)
                messages.append(buffer.bytes.view(response.finish(query)).array)
            }
        }
        return messages
    }
}
