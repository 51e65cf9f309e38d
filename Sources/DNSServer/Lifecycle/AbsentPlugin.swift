/// What is said about plugins of CoreDNS that are not here: what to do in their place.
enum AbsentPlugin {
    private static let cloud =
        "forward ZONE to the provider's resolver: this server asks no cloud's API"

    private static let programs = "an init container or a hook of the Deployment: this server starts no programs"

    /// Found and expected, by directive.
    static let known: [String: (found: String, expected: String)] = [
        "route53": (notHere, cloud), "azure": (notHere, cloud), "clouddns": (notHere, cloud),
        "nomad": (notHere, "forward service.nomad to a server that follows Nomad"),
        "proxyproto": (
            notHere,
            "addresses of clients as they are: a Service with externalTrafficPolicy Local, or a load balancer that keeps them"
        ),
        "quic": (notHere, "tls:// or https:// in place of quic://: this server does not speak QUIC"),
        "https3": (notHere, "https:// in place of https3://: this server does not speak QUIC"),
        "on": (notHere, programs),
        "proxy": ("a plugin that CoreDNS 1.5.0 removed", "forward, with the same upstreams"),
        "federation": ("a plugin that CoreDNS 1.7.0 removed", "multicluster in kubernetes, for ServiceImports"),
        "startup": ("a plugin that CoreDNS 1.1.0 removed", programs),
        "shutdown": ("a plugin that CoreDNS 1.1.0 removed", programs),
        "reverse": ("a plugin that CoreDNS 1.1.4 removed", "template, with PTR and A or AAAA records"),
        "autoscale": (notHere, "the command cluster-dns autoscale"),
    ]

    private static let notHere = "a plugin that is not built in"
}
