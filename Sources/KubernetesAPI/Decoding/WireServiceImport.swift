internal import ClusterModel
internal import DNSWire

/// A ServiceImport as JSON has it: custom resources have no other form.
struct WireServiceImport {
    let metadata: WireObjectMeta
    let object: ServiceImportObject

    /// Nobody exports a service with more addresses or ports.
    private static let largestPart = 1 << 16

    init(_ bytes: [UInt8], _ encoding: WireEncoding) throws(DecodingFailure) {
        guard encoding == .json else { throw .malformed("custom resource that is not JSON") }
        var members = JSONMemberSplitter(wanted: ["metadata": SizeLimit.item, "spec": SizeLimit.item])
        var meta = Array("{}".utf8)
        var spec = Array("{}".utf8)
        for case .member(let key, let value) in try members.feed(bytes) {
            if key == "metadata" { meta = value } else { spec = value }
        }
        try members.finish()
        metadata = try encoding.read(WireObjectMeta.self, from: meta)
        object = ServiceImportObject(
            key: ObjectKey(metadata), isHeadless: try Self.type(of: spec) == "Headless",
            addresses: try Self.elements(of: spec, "ips").compactMap { IPAddress(text: Array($0.dropFirst().dropLast())) },
            ports: try Self.ports(of: spec))
    }

    private static func type(of spec: [UInt8]) throws(DecodingFailure) -> String {
        var members = JSONMemberSplitter(wanted: ["type": 64])
        for case .member(_, let value) in try members.feed(spec) {
            return String(decoding: value.dropFirst().dropLast(), as: UTF8.self)
        }
        return ""
    }

    private static func elements(of spec: [UInt8], _ name: String) throws(DecodingFailure) -> [[UInt8]] {
        var members = JSONMemberSplitter(wanted: [:], elementsOf: name, elementLimit: largestPart)
        return try members.feed(spec).compactMap { if case .element(let value) = $0 { value } else { nil } }
    }

    private static func ports(of spec: [UInt8]) throws(DecodingFailure) -> [ServicePort] {
        var ports: [ServicePort] = []
        for element in try elements(of: spec, "ports") {
            let port = try WireEncoding.json.read(WireServicePort.self, from: element)
            guard let number = UInt16(exactly: port.port) else { continue }
            ports.append(
                ServicePort(name: port.name, transport: port.protocol.isEmpty ? "TCP" : port.protocol, number: number))
        }
        return ports
    }
}
