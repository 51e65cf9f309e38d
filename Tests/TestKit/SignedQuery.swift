import DNSWire

@testable import Plugins

extension WireText {
    /// A query signed as a client would (RFC 8945), by HMAC-SHA256; nil when the key's name is none.
    package static func signed(_ query: [UInt8], key: String, secret: [UInt8], at time: UInt64) -> [UInt8]? {
        guard let name = Name(key), let algorithm = Name(TSIGAlgorithm.sha256.rawValue) else { return nil }
        func record(_ code: [UInt8]) -> [UInt8] {
            let data =
                algorithm.wire + TSIGRecord.octets(time, 6) + [1, 44] + TSIGRecord.octets(code.count, 2) + code
                + query.prefix(2) + [0, 0, 0, 0]
            return name.wire + [0, 250, 0, 255, 0, 0, 0, 0] + TSIGRecord.octets(data.count, 2) + data
        }
        guard let unsigned = withBytes(query + record([]), { TSIGRecord($0, at: query.count) }) else { return nil }
        let code = TSIGAlgorithm.sha256.code(of: query + unsigned.variables, TSIGKey(name, secret))
        var message = query + record(code)
        message[11] += 1
        return message
    }
}
