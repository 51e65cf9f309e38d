package import Corefile
package import DNSServer
import DNSWire
import EventLoop

/// Tells the client its own address, port and transport.
package final class WhoamiPlugin: Plugin {
    package static let directive = "whoami"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        try SettingsCheck.gather { check in
            for line in directives {
                if let token = line.arguments.first { check.report(line.error(token, expected: "no arguments")) }
            }
        }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { WhoamiHandler() }
}

final class WhoamiHandler: Handler {
    func answer(_ exchange: inout Exchange) -> Verdict {
        let client = exchange.client
        exchange.isAuthoritative = true
        withBytes(client.address.octets) { octets in
            _ = exchange.response.appendRecord(
                owner: exchange.question.nameOffset, type: client.isIPv4 ? .a : .aaaa, ttl: 0, data: octets,
                in: .additional)
        }
        let transport = exchange.transport == .udp ? "_udp" : "_tcp"
        withBytes([UInt8(transport.utf8.count)] + Array(transport.utf8)) { label in
            let question = exchange.question
            guard label.count + question.name.count <= 255 else { return }
            let owner = ByteBlock(label.array + question.name.array)
            exchange.response.beginRecord(owner: owner.view, type: .srv, class: RecordClass.internet, ttl: 0)
            exchange.response.write(UInt16(0))
            exchange.response.write(UInt16(0))
            exchange.response.write(client.port)
            exchange.response.write(UInt8(0))
            _ = exchange.response.endRecord(in: .additional)
        }
        return .answered
    }
}
