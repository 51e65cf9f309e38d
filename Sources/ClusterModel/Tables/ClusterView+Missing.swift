import DNSWire

extension ClusterView {
    /// True when objects of kinds that are not known could make `name` exist: then nothing may be denied about it.
    package func isUncertain(_ name: ClusterName, without missing: Set<ObjectKind>) -> Bool {
        switch name {
        case .apex, .schemaVersion, .nameServer, .nameServerParent, .serviceRoot, .podRoot, .unknown:
            false
        case .serviceNamespace, .podNamespace:
            missing.contains(.namespace)
        case .service(let labels), .port(_, let labels), .endpoint(_, let labels), .zonal(_, _, let labels):
            missing.contains(.namespace) || missing.contains(labels.isImport ? .serviceImport : .service)
                || missing.contains(.endpointSlice) && (ignoresEmptyServices || service(labels) != nil)
        case .pod:
            missing.contains(.namespace) || missing.contains(.pod)
        case .address:
            missing.contains(.service) || missing.contains(.endpointSlice)
        }
    }
}
