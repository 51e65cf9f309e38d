import KubernetesAPI
import Testing

@Suite("label selectors") struct LabelSelectors {
    private static func mistake(_ text: String) -> String? {
        do throws(LabelSelector.Mistake) {
            _ = try LabelSelector(text)
            return nil
        } catch {
            return "\(error.found), expected \(error.expected)"
        }
    }

    @Test(
        "what Kubernetes takes",
        arguments: [
            "", "app", "!app", "! app", "app=web", "app == web", "app!=web", "app=", "app=,tier", "x in (a)",
            "environment in (production, qa)", "environment notin (qa,)", "x in (,a)", "x in (a,,b)", "in in (in)",
            "notin=notin", "example.org/app in (a), tier=front.end_2-x", "A=B", "app=web,tier!=db, !legacy",
        ])
    func taken(_ text: String) { #expect(Self.mistake(text) == nil) }

    @Test(
        "what it does not",
        arguments: [
            ("environment in (production, qa", "nothing more, expected a comma, or ) behind the values"),
            ("environment in production", "production, expected values in brackets"),
            ("environment in ()", "), expected a value"), ("environment production", "production, expected =, ==, "),
            ("app=web tier=db", "tier, expected a comma, or nothing more"),
            ("app=web,", "nothing more, expected a label"),
            (",app", ",, expected a label"), ("=web", "=, expected a label"), ("!app=web", "=, expected a comma"),
            ("app)", "), expected =, ==, "), ("cpu>4", ">, expected =, ==, "), ("-app", "-app, expected a label"),
            ("app=-web", "-web, expected a value of at most 63"), ("a/b/c", "a/b/c, expected a label"),
            ("Example.org/app", "Example.org/app, expected a label"), ("/app", "/app, expected a label"),
            ("app=b$", "b$, expected a value of at most 63"), ("app in (a b)", "b, expected a comma, or )"),
        ])
    func refused(_ text: String, _ expected: String) {
        #expect(Self.mistake(text)?.hasPrefix(expected) == true, "\(Self.mistake(text) ?? "taken")")
    }

    @Test("63 octets are the most") func long() {
        let most = String(repeating: "x", count: 63)
        #expect(Self.mistake("\(most)=\(most)") == nil)
        #expect(Self.mistake("\(most)x") != nil)
        #expect(Self.mistake("a=\(most)x") != nil)
    }
}
