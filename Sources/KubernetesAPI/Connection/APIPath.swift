import Text

/// Paths and queries of the Kubernetes API.
enum APIPath {
    /// Appends a query; pairs with an empty value stay, since an empty resourceVersion has a meaning.
    static func query(_ path: String, _ pairs: [(String, String)]) -> String {
        pairs.isEmpty ? path : path + "?" + pairs.map { "\($0)=\(PercentEncoding.encoded($1))" }.joined(separator: "&")
    }
}
