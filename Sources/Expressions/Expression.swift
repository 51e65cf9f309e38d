/// A condition or value in the expr language, read once and evaluated for every question.
///
/// Strings, numbers, booleans and lists; `== != < <= > >= in contains startsWith endsWith matches && || ! and or not`,
/// `+ - * %`, `a ? b : c`, `list[0]`; `len lower upper trim trimPrefix trimSuffix hasPrefix hasSuffix replace split
/// join int string`, and `any all none` with a condition on `#`. A pattern behind `matches` is written out.
package struct Expression: Sendable {
    /// What its value will be, as far as that is known.
    package let type: ExpressionType
    private let syntax: ExpressionSyntax

    package init(_ text: String, names: ExpressionNames) throws(ExpressionError) {
        var parser = try ExpressionParser(text, names: names)
        let part = try parser.parse()
        syntax = part.syntax
        type = part.type
    }

    /// Answers calls of the supplied functions, by their place among the names, about a subject.
    package typealias Call<Subject: ~Copyable> =
        (_ function: Int, _ arguments: [ExpressionValue], _ subject: borrowing Subject) throws(EvaluationError)
        -> ExpressionValue

    /// - Parameters:
    ///   - variables: as many as the names have, in their order.
    ///   - call: answers the supplied functions.
    package func value<Subject: ~Copyable>(
        of subject: borrowing Subject, variables: [ExpressionValue] = [], _ call: Call<Subject>
    ) throws(EvaluationError) -> ExpressionValue {
        try ExpressionEvaluation(variables: variables, element: nil).value(syntax, subject, call)
    }
}
