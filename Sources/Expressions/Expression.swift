/// An expression over the attributes of a question.
package struct Expression: Sendable {}
