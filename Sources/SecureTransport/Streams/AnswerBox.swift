import DNSServer
import NIOCore
import Synchronization

/// Carries answers from the loops to the event loop of their connection: one wake for all that are ready.
final class AnswerBox: Sendable {
    private let eventLoop: any NIOCore.EventLoop
    private let handler: NIOLoopBound<FrameHandler>
    private let answers = Mutex<[TransportAnswer]>([])

    init(_ handler: FrameHandler, _ eventLoop: any NIOCore.EventLoop) {
        self.eventLoop = eventLoop
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
    }

    func put(_ answer: TransportAnswer) {
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
        for answer in taken { handler.value.take(answer) }
    }
}
