import DNSServer
import DNSWire
import FuzzDriver
import TestKit
import ZoneData

/// A server with a cluster and what decides upon it without the network.
final class ServerBench {
    private static let corefile = """
        .:53 {
            bind 127.0.0.1
            bufsize 1232
            nsid fuzz
            rewrite stop {
                name regex (.*)\\.other\\.test {1}.default.svc.cluster.local answer auto
            }
            acl example.org {
                block type TXT
            }
            hosts /hosts example.org {
                10.0.0.1 a.example.org b.example.org
                fd00::1 a.example.org
                fallthrough
            }
            kubernetes cluster.local in-addr.arpa ip6.arpa {
                pods insecure
            }
            k8s_external out.test
            file /zone zone.test
            template IN ANY made.test {
                match ^([a-z]+)\\.made\\.test\\.$
                answer "{{ .Name }} 60 IN A 192.0.2.1"
                fallthrough
            }
            loadbalance
            whoami
        }
        """
    private static let zone = """
        $ORIGIN zone.test.
        $TTL 60
        @ SOA ns host 1 2 3 4 5
        @ NS ns
        ns A 192.0.2.53
        *.wild TXT "any"
        alias CNAME target.sub
        target.sub A 192.0.2.2
        cut NS ns.cut
        ns.cut A 192.0.2.3
        dn DNAME sub
        big TXT ( "\(String(repeating: "x", count: 250))" "\(String(repeating: "y", count: 250))"
            "\(String(repeating: "z", count: 250))" "\(String(repeating: "w", count: 250))" )
        big AAAA fd00::5
        """
    private var server: MemoryServer
    private let scratch = ByteBlock(capacity: 255)

    init() throws {
        server = try MemoryServer(
            corefile: Self.corefile,
            [
                namespace("default"), service("default/web", ["10.96.0.10", "fd00:96::10"], ports: ["http/TCP/80"]),
                headless("default/db", ports: ["sql/TCP/5432"]),
                slice("default/db-1", of: "db", ports: ["sql/TCP/5432"], (0..<40).map { "db-\($0)=10.0.1.\($0)" }),
                externalName("default/out", "a.example.org"), pod("default/p", "10.0.0.9"),
            ], files: ["/zone": Self.zone, "/hosts": "10.0.0.2 c.example.org\n"])
    }

    func check(_ octets: [UInt8]) {
        let datagram = server.begin(octets)
        let stream = server.begin(octets, over: .tcp)
        var query = Query()
        let acceptance = withBytes(octets) { QuestionParser.parse($0, into: &query, scratch: scratch.bytes) }
        guard acceptance != .dropped else {
            return hold(datagram.octets == nil && stream.octets == nil, "a response to what is no query")
        }
        let size = max(512, min(Int(query.edns?.payloadSize ?? 512), 1232))
        // Neither a transfer nor what `acl` drops is asked for by these rules: each query has its response.
        guard let short = datagram.octets, let long = stream.octets else { return hold(false, "no response") }
        let claims = ResponseClaims(query: octets, parsed: query, acceptance: acceptance)
        claims.check(short, most: size)
        claims.check(long, most: 65_535)
        hold(long[2] & 2 == 0, "cut over TCP")
        hold(short[3] & 0xF == long[3] & 0xF, "UDP and TCP differ in their code")
        hold(short[2] & 2 != 0 || short[6...7] == long[6...7], "fewer answers over UDP, and no word of it")
    }
}
