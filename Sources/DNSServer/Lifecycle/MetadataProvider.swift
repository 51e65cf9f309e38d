/// A plugin that knows more about a question than its message says, by labels such as `kubernetes/namespace`.
package protocol MetadataProvider: Plugin {
    /// One loop's way to ask; nil before the plugin is started.
    func makeMetadataReader(on server: LoopServer) -> (any MetadataReader)?
}

/// The plugin of a block that hands on what the providers know, where its settings want that.
package protocol MetadataCollector: Plugin {
    func makeMetadataReader(on server: LoopServer) -> (any MetadataReader)?
}

/// Tells labels of one question, each when it is asked for and not before: who asks nothing pays nothing.
package protocol MetadataReader: AnyObject {
    /// The label's value for the client's question; nil when there is no such label for it.
    func value(_ label: String, of exchange: borrowing Exchange) -> String?
}
