import Text

/// Where a lease is kept.
package protocol LeaseStore: Sendable {
    /// - Returns: nil when there is no such lease.
    func read() async throws(RequestProblem) -> LeaseRecord?

    /// Writes a lease that does not exist yet, or changes the one that `record` was read from.
    ///
    /// - Returns: what is stored now. Throws a conflict when somebody else has written since.
    func write(_ record: LeaseRecord) async throws(RequestProblem) -> LeaseRecord

    /// Tells each state of the lease as it comes, nil when there is none.
    ///
    /// - Returns: why the lease cannot be followed; nil when cancelled.
    func follow(_ changed: @escaping @Sendable (LeaseRecord?) -> Void) async -> RequestProblem?
}

/// A lease in the API server.
package struct LeaseRequests: LeaseStore {
    private let connection: APIConnection
    private let namespace: String
    private let name: String

    package init(connection: APIConnection, namespace: String, name: String) {
        self.connection = connection
        self.namespace = namespace
        self.name = name
    }

    private var path: String { "/apis/coordination.k8s.io/v1/namespaces/\(PercentEncoding.encoded(namespace))/leases" }

    package func read() async throws(RequestProblem) -> LeaseRecord? {
        do throws(RequestProblem) {
            return try await send(APIRequest(verb: .get, path: "\(path)/\(PercentEncoding.encoded(name))"), verb: "get")
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    package func write(_ record: LeaseRecord) async throws(RequestProblem) -> LeaseRecord {
        let body = record.body(namespace: namespace, name: name)
        return record.metadata.isNull
            ? try await send(APIRequest(verb: .post, path: path, body: body), verb: "create")
            : try await send(
                APIRequest(verb: .put, path: "\(path)/\(PercentEncoding.encoded(name))", body: body), verb: "update")
    }

    package func follow(_ changed: @escaping @Sendable (LeaseRecord?) -> Void) async -> RequestProblem? {
        let (problems, problem) = AsyncStream<RequestProblem>.makeStream()
        let follower = Reflector.lease(connection, namespace: namespace, name: name)
        let task = Task {
            await follower.run { batch in
                for change in batch {
                    switch change {
                    case .stored(let record): changed(record)
                    case .deleted: changed(nil)
                    case .listStarted, .listFinished: break
                    }
                }
            } observe: { event in
                if case .failed(let failure, _) = event { problem.yield(failure) }
            }
        }
        defer { task.cancel() }
        for await failure in problems { return failure }
        return nil
    }

    private func send(_ request: APIRequest, verb: String) async throws(RequestProblem) -> LeaseRecord {
        func problem(_ cause: RequestProblem.Cause) -> RequestProblem {
            RequestProblem(
                verb: verb, resource: "leases", group: "coordination.k8s.io", namespace: namespace, name: name,
                cause: cause)
        }
        let response: APIResponse
        do throws(APIFailure) {
            response = try await connection.send(request)
        } catch {
            throw problem(.failed(error.description))
        }
        guard response.status < 300 else { throw problem(.refused(response.report)) }
        do throws(DecodingFailure) {
            return try LeaseRecord(json: response.body)
        } catch {
            throw problem(.failed(error.description))
        }
    }
}
