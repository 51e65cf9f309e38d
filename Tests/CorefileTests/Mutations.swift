import Corefile
import Testing
import Text

/// Whatever a file holds, reading it ends, and ends in blocks or errors.
@Suite("Mutations") struct Mutations {
    static let seed = Array(
        """
        (common) {
            errors
            import file
        }
        tls://example.org:853, 10.0.0.0/27 2001:db8::/31 {$ZONE} {
            import common
            health { lameduck 5s }
            rewrite name regex "(.*)\\.a \\"b\\"" {1}.{%B%} # comment
            cache 30 {
                success 9 {
                    deep
                }
            }
        }
        .:53
        {
            forward . 10.0.0.1:53
            import conf.d/*
        }
        """.utf8)

    static let pieces = [
        "{", "}", "\"", "\\", "{$", "{%", "%}", "#", ",", "\n", "\r", " ", "(", ")", "import common\n", ":",
        "/", "::/3", ".", "\u{0}", "\u{FEFF}", "é", "import file\n", "{\n", "\n}\n", "99999999999999999999",
        "1.2.3.4/9",
    ]

    @Test("10,000 damaged files") func mutations() {
        var random = SeededRandom(seed: 53)
        var accepted = 0
        for _ in 0..<10_000 {
            var bytes = Self.seed
            for _ in 0..<Int.random(in: 1...8, using: &random) { mutate(&bytes, using: &random) }
            let corefile = CorefileText(
                String(decoding: bytes, as: UTF8.self),
                files: ["file": "log\n", "conf.d/x": "import ../file\n", "conf.d/y": "ready"],
                environment: ["ZONE": "a.example", "B": "}"])
            do {
                let blocks = try corefile.blocks()
                accepted += 1
                for key in blocks.flatMap(\.keys) {
                    if key.zones.isEmpty || !key.zones.allSatisfy({ $0.utf8.last == 0x2E }) {
                        Issue.record("zones \(key.zones)")
                    }
                }
                #expect(!CorefileSyntax.tokens(of: blocks).isEmpty || blocks.isEmpty)
            } catch {
                #expect((1...100).contains(error.errors.count))
            }
        }
        // Neither only damage nor only luck: both ways out were taken.
        #expect((100..<9_900).contains(accepted))
    }

    private func mutate(_ bytes: inout [UInt8], using random: inout SeededRandom) {
        let position = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, position + Int.random(in: 0...20, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes.removeSubrange(position..<end)
        case 1:
            bytes.insert(
                contentsOf: Self.pieces.randomElement(using: &random).map { Array($0.utf8) } ?? [], at: position)
        case 2: bytes.insert(contentsOf: bytes[position..<end], at: Int.random(in: 0...bytes.count, using: &random))
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
        default: if position < bytes.count { bytes[position] = UInt8.random(in: 0...255, using: &random) }
        }
    }
}
