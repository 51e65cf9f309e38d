internal import ClusterModel
internal import DNSWire
internal import Text

/// A ServiceImport as JSON has it: custom resources have no other form.
struct WireServiceImport {
    let metadata: WireObjectMeta
    let object: ServiceObject

    init(_ bytes: [UInt8], _ encoding: WireEncoding) throws(DecodingFailure) {
        guard encoding == .json else { throw .malformed("custom resource that is not JSON") }
        let resource = try JSONValue(decoding: bytes)
        metadata = try encoding.read(
            WireObjectMeta.self, from: resource["metadata"].isNull ? Array("{}".utf8) : resource["metadata"].bytes)
        let spec = resource["spec"]
        var ports: [ObjectPort] = []
        for element in spec["ports"].elements {
            let port = try encoding.read(WireServicePort.self, from: element.bytes)
            guard let number = UInt16(exactly: port.port) else { continue }
            ports.append(
                ObjectPort(name: port.name, transport: port.protocol.isEmpty ? "TCP" : port.protocol, number: number))
        }
        let addresses = spec["ips"].elements.compactMap { $0.text.flatMap { IPAddress($0) } }
        object = ServiceObject(
            key: ObjectKey(metadata), addressing: spec["type"].text == "Headless" ? .headless : .cluster(addresses),
            ports: ports)
    }
}
