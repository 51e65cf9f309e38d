/// Carries a new loop to the thread that will run it.
package final class LoopStart: @unchecked Sendable {
    // Invariant: written before the thread starts and taken once, on that thread.
    private let loop: EventLoop
    package let handle: LoopHandle

    package init(_ loop: EventLoop) {
        self.loop = loop
        handle = loop.handle
    }

    package func take() -> EventLoop { loop }
}
