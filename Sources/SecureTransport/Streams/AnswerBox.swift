import NIOCore
import Synchronization

/// Carries answers from the loops to the event loop of their connection: one wake for all that are ready.
final class AnswerBox<Answer: Sendable>: Sendable {
    private let eventLoop: any NIOCore.EventLoop
    private let take: NIOLoopBound<([Answer]) -> Void>
    private let answers = Mutex<[Answer]>([])

    /// - Parameter take: receives them on the event loop, in the order in which they were put.
    init(_ eventLoop: any NIOCore.EventLoop, _ take: @escaping ([Answer]) -> Void) {
        self.eventLoop = eventLoop
        self.take = NIOLoopBound(take, eventLoop: eventLoop)
    }

    func put(_ answer: Answer) {
        let isFirst = answers.withLock { answers in
            answers.append(answer)
            return answers.count == 1
        }
        guard isFirst else { return }
        eventLoop.execute { self.empty() }
    }

    private func empty() {
        let taken = answers.withLock { answers in
            defer { answers = [] }
            return answers
        }
        take.value(taken)
    }
}
