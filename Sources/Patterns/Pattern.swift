/// A regular expression that is matched in time linear in the length of the text.
package struct Pattern: Sendable {}
