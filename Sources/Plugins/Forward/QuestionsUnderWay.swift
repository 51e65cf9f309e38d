import DNSServer
import EventLoop
import Synchronization

/// The questions that any loop asks upstreams at this moment.
///
/// A loop that gets an equal one waits for that answer, too: who forges replies has one question to guess at, however
/// many clients ask it and however many loops there are (RFC 5452 §5).
final class QuestionsUnderWay: Sendable {
    /// A query that waits on another loop than the one that asks.
    private struct Listener {
        let loop: LoopHandle
        let waiter: ForwardedQuestion.Waiter
    }

    private final class Stripe: Sendable {
        let listeners = Mutex<[QuestionKey: [Listener]]>([:])
    }

    private let stripes = (0..<stripeCount).map { _ in Stripe() }
    private static let stripeCount = 64

    private func stripe(_ key: QuestionKey) -> Stripe {
        stripes[Int(truncatingIfNeeded: UInt(bitPattern: key.hash) % UInt(Self.stripeCount))]
    }

    /// Notes that `loop` asks the question, unless another one does; then `waiter` gets that one's answer.
    ///
    /// - Returns: true when another loop asks it already.
    func isAsked(_ key: QuestionKey, on loop: LoopHandle, _ waiter: ForwardedQuestion.Waiter) -> Bool {
        stripe(key).listeners.withLock { listeners in
            guard listeners[key] != nil else {
                listeners[key] = []
                return false
            }
            listeners[key]?.append(Listener(loop: loop, waiter: waiter))
            return true
        }
    }

    /// Hands what became of the question to those who wait on other loops; it may be asked again.
    func end(_ key: QuestionKey, _ resolution: Resolution) {
        let listeners = stripe(key).listeners.withLock { $0.removeValue(forKey: key) } ?? []
        guard !listeners.isEmpty else { return }
        for (_, listeners) in Dictionary(grouping: listeners, by: { ObjectIdentifier($0.loop) }) {
            let waiters = listeners.map(\.waiter)
            listeners.first?.loop.submit { loop in
                guard let server = loop.resident as? LoopServer else { return }
                for waiter in waiters { waiter.resume(on: server, with: resolution) }
            }
        }
    }
}
