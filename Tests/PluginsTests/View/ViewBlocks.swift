import DNSServer
import EventLoop
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("view: which of several blocks answers") struct ViewBlocks {
    /// Blocks for the root zone of one address, top to bottom.
    private static func server(
        _ blocks: String..., upstreams: [ScriptedUpstream.Script] = []
    ) throws -> MemoryServer {
        try MemoryServer(blocks.joined(separator: "\n}\n.:53 {\nbind 127.0.0.1\n"), upstreams: upstreams)
    }

    /// A block that answers a.test with this address.
    private static func block(_ view: String, _ address: String, name: String = "a.test") -> String {
        "\(view)\nhosts /none {\n\(address) \(name)\n}"
    }

    private static func view(_ name: String, _ expressions: String...) -> String {
        "view \(name) {\n" + expressions.map { "expr \($0)\n" }.joined() + "}"
    }

    @Test("the first view that is true answers; a block without one takes the rest") func order() throws {
        let dns = try Self.server(
            Self.block(Self.view("v4", "type() == 'AAAA'"), "192.0.2.1"),
            Self.block(Self.view("tcp", "proto() == 'tcp'"), "192.0.2.2"),
            Self.block(Self.view("late", "proto() == 'tcp'"), "192.0.2.3"),
            Self.block("", "192.0.2.4"))
        #expect(dns.ask("a.test. AAAA") == "NOERROR aa")
        #expect(dns.ask("a.test. A", over: .tcp) == "NOERROR aa\na.test. 3600 A 192.0.2.2")
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 3600 A 192.0.2.4")
    }

    @Test("every expression must be true, and one without a value is not") func allExpressions() throws {
        let dns = try Self.server(
            Self.block(Self.view("both", "type() == 'A'", "proto() == 'tcp'"), "192.0.2.1"),
            Self.block(Self.view("broken", "incidr(client_ip(), 'nonsense')"), "192.0.2.2"),
            Self.block(Self.view("overflow", "9223372036854775807 + id() > 0 or true"), "192.0.2.3"),
            Self.block("", "192.0.2.4"))
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 3600 A 192.0.2.4")
        #expect(dns.ask("a.test. A", over: .tcp) == "NOERROR aa\na.test. 3600 A 192.0.2.1")
    }

    @Test(arguments: [
        "incidr(client_ip(), '127.0.0.0/8')", "incidr(client_ip(), '127.0.0.1/32')",
        "!incidr(client_ip(), '128.0.0.0/1')",
        "incidr('[2001:db8::1]', '2001:db8::/33')", "!incidr('2001:db8:8000::1', '2001:db8::/33')",
        "!incidr('10.0.0.1', '::/0')",
        "name() == 'a.test.'", "class() == 'IN'", "opcode() == 0", "size() == 24", "bufsize() == 512", "!do()",
        "id() >= 0",
        "server_ip() == '127.0.0.1'", "int(server_port()) > 0 && server_port() != port()",
        "metadata('view/name') == ''",
    ])
    func questions(_ expression: String) throws {
        let dns = try Self.server(Self.block(Self.view("asked", expression), "192.0.2.1"), Self.block("", "192.0.2.2"))
        #expect(dns.ask("A.test. A") == "NOERROR aa\nA.test. 3600 A 192.0.2.1")
    }

    @Test("what EDNS says is seen") func edns() throws {
        let dns = try Self.server(
            Self.block(Self.view("signed", "do() and bufsize() == 1232"), "192.0.2.1"), Self.block("", "192.0.2.2"))
        #expect(dns.ask("a.test. A", dnssecOK: true) == "NOERROR aa\na.test. 3600 A 192.0.2.1")
        #expect(dns.ask("a.test. A", dnssecOK: false) == "NOERROR aa\na.test. 3600 A 192.0.2.2")
    }

    @Test("when no view takes a question, a shorter zone does, or nobody") func nobody() throws {
        let narrow = "test:53 {\nbind 127.0.0.1\n" + Self.block(Self.view("never", "false"), "192.0.2.1")
        let wide = Self.block(Self.view("mail", "type() == 'MX'"), "192.0.2.2")
        let dns = try MemoryServer(wide + "\n}\n" + narrow)
        #expect(dns.ask("a.test. A") == "REFUSED")
        #expect(dns.ask("a.test. MX") == "NOERROR aa")
    }

    @Test("an alias' target is a question of its own") func aliases() throws {
        let template = "template IN ANY {\nmatch ^a[.]test[.]$\nanswer \"a.test. 60 IN CNAME b.test.\"\n}"
        let dns = try Self.server(
            Self.view("first", "name() == 'a.test.'") + "\n" + template,
            Self.block(Self.view("second", "name() == 'b.test.'"), "192.0.2.2", name: "b.test"))
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 CNAME b.test.\nb.test. 3600 A 192.0.2.2")
    }

    @Test("its name is a label of metrics and of log lines' metadata") func labels() throws {
        let dns = try Self.server(
            Self.view("inner", "metadata('view/name') == 'inner'")
                + "\nmetadata\nprometheus 127.0.0.1:0\ncache\nforward . @UPSTREAM@",
            "cache\nprometheus 127.0.0.1:0\nforward . @UPSTREAM@",
            upstreams: [{ [$0.reply([.a("a.test", "192.0.2.9")])] }])
        #expect(dns.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.9")
        let server = "server=\"dns://127.0.0.1:53\""
        #expect(dns.metric("coredns_cache_misses_total{\(server),zones=\".\",view=\"inner\"}") == "1")
        #expect(dns.metric("coredns_cache_misses_total{\(server),zones=\".\",view=\"\"}") == "0")
        let requests = "{\(server),zone=\".\",view=\"inner\",proto=\"udp\",family=\"1\",type=\"A\"}"
        #expect(dns.metric("coredns_dns_requests_total\(requests)") == "1")
        #expect(dns.metric("coredns_dns_request_duration_seconds_count{\(server),zone=\".\",view=\"inner\"}") == "1")
    }

    @Test("its name is known to records of a template") func metadata() throws {
        let records = "template IN ANY {\nanswer \"a.test 60 IN CNAME {{ .Meta `view/name` }}.test\"\n}"
        let dns = try Self.server(Self.view("inner", "true") + "\nmetadata\n" + records)
        #expect(dns.ask("a.test. CNAME") == "NOERROR aa\na.test. 60 CNAME inner.test.")
    }

    @Test("each view has a cache of its own") func caches() throws {
        let dns = try Self.server(
            Self.view("tcp", "proto() == 'tcp'") + "\ncache\nforward . @UPSTREAM@", "cache\nforward . @UPSTREAM2@",
            upstreams: [{ [$0.reply([.a("a.test", "192.0.2.1")])] }, { [$0.reply([.a("a.test", "192.0.2.2")])] }])
        for _ in 0..<2 {
            #expect(dns.ask("a.test. A", over: .tcp).hasSuffix(" A 192.0.2.1"))
            #expect(dns.ask("a.test. A").hasSuffix(" A 192.0.2.2"))
        }
        #expect(dns.upstreams.map(\.queries.count) == [1, 1])
    }

    @Test(arguments: [
        ("view a {\nexpr true\n}", "no errors"), ("view a", "no errors"),
        ("view", "view: found nothing, expected the name of the view"),
        ("view a b", "view: found 2 arguments, expected 1 argument"),
        ("view a\nview b", "view: found a second view in this server block, expected one"),
        ("view a {\nexpr\n}", "view: found expr nothing, expected an expression"),
        ("view a {\nif true\n}", "view: found if, expected expr"),
        (
            "view a {\nexpr name()\n}",
            "view: found expr with name(), which is a string, expected an expression that is true or false"
        ),
        (
            "view a {\nexpr type() == 1\n}",
            "view: found expr with a number at column 11 of \"type() == 1\", expected a string for =="
        ),
    ])
    func settings(_ directives: String, _ expected: String) {
        #expect(TestPlan.errors(directives) == expected)
    }

    @Test("a reload pairs each block with the one of its own view") func predecessors() throws {
        let address = TestPorts.next()
        let border = "\n}\n.:\(address.port) {\nbind 127.0.0.1\n"
        func plan(_ views: String...) throws -> ServingPlan {
            try TestPlan.block(views.joined(separator: border), at: address, MetricRegistry())
        }
        let (old, new) = (try plan("view a", "view b", "cache"), try plan("view b", "view c", "cache"))
        #expect(old.predecessor(of: new.blocks[0]) === old.blocks[1])
        #expect(old.predecessor(of: new.blocks[1]) == nil)
        #expect(old.predecessor(of: new.blocks[2]) === old.blocks[2])
    }

    @Test("only blocks without a view must not repeat each other") func duplicates() {
        let again = "\n}\n.:53 {\nbind 127.0.0.1\n"
        #expect(TestPlan.errors("view a\(again)view a\(again)view b\(again)hosts") == "no errors")
        #expect(
            TestPlan.errors("view a\(again)hosts\(again)hosts").hasPrefix(
                "server block: found . on 127.0.0.1:53, already served by the block at "))
    }
}
