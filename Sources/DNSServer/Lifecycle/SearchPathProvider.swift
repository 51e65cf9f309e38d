package import DNSWire

/// A plugin that knows by which search path its clients complete names (resolv.conf(5)).
package protocol SearchPathProvider: Plugin {
    /// Says, before the plugin is started, that search paths will be asked for.
    func learnClients()

    /// One loop's way to ask; nil before the plugin is started.
    func makeSearchPathReader(on server: LoopServer) -> (any SearchPathReader)?
}

/// Tells one loop the search paths of clients as they are at that moment.
package protocol SearchPathReader: AnyObject {
    /// The path of the client with this address, as far as it concerns a name; nil when it is not known for certain.
    ///
    /// - Parameter name: folded wire form.
    /// - Returns: valid until the next call.
    func searchPath(of client: IPAddress, for name: ByteView) -> SearchPath?
}

/// The elements of a search path that lie above one another.
package struct SearchPath: BitwiseCopyable {
    /// The first element, folded wire form.
    package let first: ByteView
    /// How many elements follow, each the one before without its first label.
    package let parents: Int

    package init(first: ByteView, parents: Int) {
        self.first = first
        self.parents = parents
    }

    /// An element by its place in the path; nil behind the last.
    package func element(_ index: Int) -> ByteView? {
        guard index <= parents else { return nil }
        var place = 0
        for _ in 0..<index {
            guard let length = first.at(place), length > 0 else { return nil }
            place += Int(length) + 1
        }
        return place < first.count ? first.suffix(from: place) : nil
    }
}
