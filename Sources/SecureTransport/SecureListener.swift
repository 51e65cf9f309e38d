/// Listens for queries that arrive encrypted.
package struct SecureListener: Sendable {}
