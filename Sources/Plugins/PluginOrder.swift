package import DNSServer

/// Every plugin in the order in which a query meets it.
///
/// A new one is a folder here, a line below, its page and a line of the index in `docs/plugins`, and its tests.
package let pluginOrder: [any Plugin.Type] = [
    MetadataPlugin.self,
    ReloadPlugin.self,
    NSIDPlugin.self,
    BufSizePlugin.self,
    BindPlugin.self,
    ReadyPlugin.self,
    HealthPlugin.self,
    PrometheusPlugin.self,
    ErrorsPlugin.self,
    LogPlugin.self,
    DNS64Plugin.self,
    LoadBalancePlugin.self,
    RewritePlugin.self,
    AutoPathPlugin.self,
    AccessPlugin.self,
    AnyPlugin.self,
    TLSPlugin.self,
    TemplatePlugin.self,
    TransferPlugin.self,
    HostsPlugin.self,
    ExternalPlugin.self,
    KubernetesPlugin.self,
    CachePlugin.self,
    LoopPlugin.self,
    ForwardPlugin.self,
    WhoamiPlugin.self,
    ViewPlugin.self,
]
