import ClusterModel
import Synchronization

@testable import KubernetesAPI

/// What a follower told, as short words in order.
final class Notes: Sendable {
    private let state = Mutex<(changes: [String], events: [ReflectorEvent], emptyBatches: Int)>(([], [], 0))

    var changes: [String] { state.withLock { $0.changes } }
    var events: [ReflectorEvent] { state.withLock { $0.events } }
    var emptyBatches: Int { state.withLock { $0.emptyBatches } }

    func add(_ batch: [ObjectChange]) {
        let words = batch.map { change in
            switch change {
            case .relistStarted: "["
            case .relistFinished: "]"
            case .stored(let object): "+\(object.key)"
            case .kept(_, let key): "=\(key)"
            case .deleted(_, let key): "-\(key)"
            }
        }
        state.withLock { state in
            state.changes += words
            if words.isEmpty { state.emptyBatches += 1 }
        }
    }

    func add(_ event: ReflectorEvent) { state.withLock { $0.events.append(event) } }
}

/// Follows one kind until `isDone` or ten seconds have passed.
func follow(
    _ connection: APIConnection, _ kind: ObjectKind = .namespace, watchdog: Duration = .seconds(55),
    encoding: WireEncoding = .json, streamsLists: Bool = false, until isDone: @escaping @Sendable (Notes) -> Bool
) async -> Notes {
    let notes = Notes()
    var options = FollowOptions(kinds: [kind])
    options.reflector.encoding = encoding
    options.reflector.watchdog = watchdog
    options.reflector.streamPatience = .milliseconds(300)
    options.reflector.streamsLists = streamsLists
    let follower = ClusterFollower(connection: connection, options: options) { _, event in notes.add(event) }
    let task = Task { await follower.run { notes.add($0) } }
    let deadline = ContinuousClock.now + .seconds(180)
    while !isDone(notes), ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    await task.value
    return notes
}

func list(_ version: String, _ names: [String], next: String = "") -> FakeAPIServer.Answer {
    let items = names.map { #"{"metadata":{"name":"\#($0)"}}"# }.joined(separator: ",")
    return .json(
        #"{"kind":"NamespaceList","metadata":{"resourceVersion":"\#(version)","continue":"\#(next)"},"items":[\#(items)]}"#
    )
}

/// The bookmark behind a streamed list.
func endOfList(_ version: String) -> String {
    #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"\#(version)","#
        + #""annotations":{"k8s.io/initial-events-end":"true"}}}}"# + "\n"
}

func event(_ type: String, _ name: String, _ version: String) -> String {
    #"{"type":"\#(type)","object":{"metadata":{"name":"\#(name)","resourceVersion":"\#(version)"}}}"# + "\n"
}
