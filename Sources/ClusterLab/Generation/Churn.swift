import Text

/// Moves endpoints: each change flips one endpoint's readiness or gives it another address.
struct Churn {
    private var random: SeededRandom
    private var spare: UInt32 = 1 << 17

    init(seed: UInt64) { random = SeededRandom(seed: seed ^ 0xC0FF_EE00) }

    /// Runs until cancelled: so many changes a second, spread over twenty steps.
    static func run(perSecond rate: Int, seed: UInt64, on cluster: Cluster) async {
        var churn = Churn(seed: seed)
        let clock = ContinuousClock()
        let start = clock.now
        var done = 0
        var step = 1
        while !Task.isCancelled {
            try? await clock.sleep(until: start.advanced(by: .milliseconds(50 * step)))
            let due = rate * step / 20
            let count = due - done
            done = due
            step += 1
            guard count > 0 else { continue }
            let changing = churn
            churn = cluster.update { state in
                var churn = changing
                let names = churn.slices(of: state)
                for _ in 0..<count { churn.change(names, in: &state) }
                return churn
            }
        }
    }

    private func slices(of state: borrowing ClusterState) -> [StoredObject] { state.store.list(.endpointSlice) }

    /// One change of one endpoint, and of its pod.
    mutating func change(_ slices: [StoredObject], in state: inout ClusterState) {
        for _ in 0..<64 where !slices.isEmpty {
            let picked = slices[Int(random.next() % UInt64(slices.count))]
            guard
                let stored = state.store.find(.endpointSlice, namespace: picked.namespace, name: picked.name)
            else { continue }
            var slice = stored.value(.endpointSlice)
            var endpoints = slice["endpoints"].elements
            guard !endpoints.isEmpty, !slice["metadata"]["ownerReferences"].elements.isEmpty else { continue }
            let position = Int(random.next() % UInt64(endpoints.count))
            let isMove = random.next() % 4 == 0 && slice["addressType"].text == "IPv4"
            if isMove {
                endpoints[position]["addresses"] = [.string(newAddress())]
            } else {
                let ready = endpoints[position]["conditions"]["ready"].flag == false
                endpoints[position]["conditions"] = [
                    "ready": .bool(ready), "serving": .bool(ready), "terminating": false,
                ]
            }
            slice["endpoints"] = .array(endpoints)
            var annotations = slice["metadata"]["annotations"]
            annotations[EndpointSliceController.triggerAnnotation] = .string(Timestamp.now.text(fractionDigits: 9))
            slice.set("metadata", "annotations", annotations)
            slice.set("metadata", "generation", .int((slice["metadata"]["generation"].number ?? 0) &+ 1))
            follow(endpoints[position], in: &state)
            state.store.putCompact(.endpointSlice, slice)
            return
        }
    }

    /// Brings the endpoint's pod in line, so that pods and slices tell one story.
    private func follow(_ endpoint: JSONValue, in state: inout ClusterState) {
        let reference = endpoint["targetRef"]
        guard
            let stored = state.store.find(
                .pod, namespace: reference["namespace"].text ?? "", name: reference["name"].text ?? "")
        else { return }
        var pod = stored.value(.pod)
        var status = pod["status"]
        let address = endpoint["addresses"].elements.first ?? .null
        if !status["podIPs"].elements.contains(where: { $0["ip"] == address }) {
            status["podIP"] = address
            status["podIPs"] = [["ip": address]]
        }
        let ready: JSONValue = endpoint["conditions"]["ready"].flag == false ? "False" : "True"
        status["conditions"] = .array(
            status["conditions"].elements.map { condition in
                guard condition["type"].text == "Ready", condition["status"] != ready else { return condition }
                return ["type": "Ready", "status": ready, "lastTransitionTime": .string(Timestamp.now.text())]
            })
        pod["status"] = status
        state.store.putCompact(.pod, pod)
    }

    // From the upper half of the pods' range (10.246.0.0 on), where the allocator arrives last.
    private mutating func newAddress() -> String {
        spare = spare + 1 < 1 << 18 ? spare + 1 : 1 << 17
        return AddressPool.pods4.text(spare)
    }
}

extension ObjectStore {
    /// As `put`, but keeps the encoded form: for objects of which there are many.
    mutating func putCompact(_ kind: ResourceKind, _ value: JSONValue) {
        var value = value
        let next = version + 1
        value.set("metadata", "resourceVersion", .string(String(next)))
        var writer = ProtobufWriter()
        guard let schema = kind.schema, (try? writer.write(value, as: schema)) != nil else {
            put(kind, value)
            return
        }
        put(
            kind,
            encoded: StoredObject(namespace: value.namespace, name: value.name, version: next, protobuf: writer.out))
    }
}
