/// A plugin that decides for each question whether its server block takes it, among blocks for the same zone.
package protocol BlockCondition: Plugin {
    /// One loop's way to decide.
    func makeQuestionFilter(on server: LoopServer) -> any QuestionFilter
}

/// Decides on one loop; asked before any handler of the block.
package protocol QuestionFilter: AnyObject {
    /// True when the block is to answer the exchange's current question.
    func takes(_ exchange: borrowing Exchange) -> Bool
}
