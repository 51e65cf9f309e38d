import DNSWire

/// Numbers for what changes together: all names of a service, of an address, of a namespace's pods.
///
/// Two things may have the same number by chance: then one is looked at again when the other changes.
enum ChangeKey {
    /// For names whose answers never change.
    static let never: UInt64 = 1 << 32

    static func service(_ hash: UInt32) -> UInt64 { 2 << 32 | UInt64(hash) }
    static func address(_ hash: UInt32) -> UInt64 { 3 << 32 | UInt64(hash) }
    /// The namespace itself, and names of pods in it.
    static func namespace(_ hash: UInt32) -> UInt64 { 4 << 32 | UInt64(hash) }
}

extension ClusterView {
    /// What the answers to a question change with; nil for the apex and its name server, which change with everything.
    package func changeKey(of question: ClusterQuestion) -> UInt64? {
        switch classify(question) {
        case .apex, .nameServer: nil
        case .schemaVersion, .nameServerParent, .serviceRoot, .podRoot, .unknown: ChangeKey.never
        case .serviceNamespace(let label), .podNamespace(let label), .pod(_, let label):
            ChangeKey.namespace(KeyedTable.hash(label, seed: seed))
        case .service(let labels), .endpoint(_, let labels), .port(_, let labels), .zonal(_, _, let labels):
            ChangeKey.service(KeyedTable.hash(labels.tableKey, seed: seed))
        case .address(let address): ChangeKey.address(AddressTable.hash(address, seed: seed))
        }
    }
}
