import TestKit
import Testing

@Suite("fallthrough more than once: the last line holds") struct RepeatedFallthrough {
    @Test(
        "in every plugin that has it",
        arguments: [
            "kubernetes a.test b.test {", "k8s_external a.test b.test {", "hosts /etc/hosts a.test b.test {",
            "template IN A a.test b.test {\nmatch ^x[.]\nanswer \"{{ .Name }} 60 IN A 192.0.2.9\"",
        ]) func last(head: String) throws
    {
        let cluster = head.hasPrefix("k8s_external") ? "kubernetes cluster.test\n" : ""
        let dns = try MemoryServer(
            cluster + head + "\nfallthrough a.test\nfallthrough b.test\n}\nforward . @UPSTREAM@",
            files: ["/etc/hosts": ""]
        ) { [$0.reply([.a("n.s.b.test.", "192.0.2.1")])] }
        #expect(try !dns.ask("n.s.a.test. A").hasPrefix("NOERROR"))
        #expect(dns.queries.isEmpty)
        #expect(try dns.ask("n.s.b.test. A").hasPrefix("NOERROR"))
        #expect(dns.queries.count == 1)
    }
}
