import DNSServer
import DNSWire
import TestKit

/// The upstream of the answer scripts, for the zone ext.test: `a` has an address, `sf` fails, `tc` is truncated over
/// UDP, and the rest does not exist.
let scriptUpstream: ScriptedUpstream.Script = { query in
    let (name, type, _, _) = query.parsed
    let address = type == .a ? [TestRecord.a(name, "192.0.2.1")] : []
    return switch name.lowercased() {
    case "a.ext.test.": [query.reply(address)]
    case "tc.ext.test.": [query.transport == .udp ? query.reply(truncated: true) : query.reply(address)]
    case "sf.ext.test.": [query.reply(code: 2)]
    default: [query.reply(code: 3)]
    }
}
