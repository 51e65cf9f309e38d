internal import SwiftProtobuf
import Text

/// The single requests with which scaling is done: ConfigMaps, scale sub-resources, Events and pods of one namespace.
package struct ScalingRequests: Sendable {
    private let connection: APIConnection
    private let namespace: String

    package init(connection: APIConnection, namespace: String) {
        self.connection = connection
        self.namespace = namespace
    }

    private func path(_ resource: String, _ name: String? = nil) -> String {
        "/api/v1/namespaces/\(PercentEncoding.encoded(namespace))/\(resource)"
            + (name.map { "/" + PercentEncoding.encoded($0) } ?? "")
    }

    /// Sends `request`; anything but 2xx is thrown.
    private func send(
        _ request: APIRequest, _ problem: (RequestProblem.Cause) -> RequestProblem
    ) async throws(RequestProblem) -> [UInt8] {
        let response: APIResponse
        do throws(APIFailure) {
            response = try await connection.send(request)
        } catch {
            throw problem(.failed(error.description))
        }
        guard response.status < 300 else { throw problem(.refused(response.report)) }
        return response.body
    }

    // MARK: ConfigMaps

    /// - Returns: nil when there is no such ConfigMap.
    package func configMap(_ name: String) async throws(RequestProblem) -> ObservedConfigMap? {
        func problem(_ cause: RequestProblem.Cause) -> RequestProblem {
            RequestProblem(verb: "get", resource: "configmaps", namespace: namespace, name: name, cause: cause)
        }
        do throws(RequestProblem) {
            let body = try await send(APIRequest(verb: .get, path: path("configmaps", name)), problem)
            do throws(DecodingFailure) {
                return ObservedConfigMap(try WireEncoding.json.read(WireConfigMap.self, from: body))
            } catch {
                throw problem(.failed(error.description))
            }
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    package func createConfigMap(_ name: String, data: [String: String]) async throws(RequestProblem) {
        let body: JSONValue = [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": .string(name), "namespace": .string(namespace)], "data": JSONValue(sorted: data),
        ]
        _ = try await send(APIRequest(verb: .post, path: path("configmaps"), body: body.bytes)) { cause in
            RequestProblem(verb: "create", resource: "configmaps", namespace: namespace, name: name, cause: cause)
        }
    }

    // MARK: Scale

    package func scale(_ resource: ScaleResource, _ name: String) async throws(RequestProblem) -> ObservedScale {
        func problem(_ cause: RequestProblem.Cause) -> RequestProblem { scaleProblem("get", resource, name, cause) }
        let request = APIRequest(verb: .get, path: resource.path(namespace: namespace, name: name))
        let body = try await send(request, problem)
        do throws(DecodingFailure) {
            return try ObservedScale(json: body)
        } catch {
            throw problem(.failed(error.description))
        }
    }

    /// Sets the replicas of what `scale` was read from; a conflict when that has changed since.
    package func set(
        _ replicas: Int, of resource: ScaleResource, _ name: String, readAs scale: ObservedScale
    ) async throws(RequestProblem) {
        let request = APIRequest(
            verb: .put, path: resource.path(namespace: namespace, name: name),
            body: scale.body(replicas: Int32(clamping: replicas)))
        _ = try await send(request) { scaleProblem("update", resource, name, $0) }
    }

    private func scaleProblem(
        _ verb: String, _ resource: ScaleResource, _ name: String, _ cause: RequestProblem.Cause
    ) -> RequestProblem {
        RequestProblem(
            verb: verb, resource: resource.resource + "/scale", group: resource.group, namespace: namespace, name: name,
            cause: cause)
    }

    // MARK: Discovery

    /// Where objects of `kind` (any case, or the plural) have their scale sub-resource; nil when they have none.
    package func discover(
        kind: String, version: String, group: String
    ) async throws(RequestProblem) -> ScaleResource? {
        func problem(_ cause: RequestProblem.Cause) -> RequestProblem {
            RequestProblem(verb: "get", resource: "the resources of \(group)/\(version)", cause: cause)
        }
        let body = try await send(APIRequest(verb: .get, path: ScaleResource.root(group, version)), problem)
        do throws(DecodingFailure) {
            let resources = try JSONValue(decoding: body)["resources"].elements.map {
                (name: $0["name"].text ?? "", kind: $0["kind"].text ?? "")
            }
            let found = resources.last {
                ($0.kind.lowercased() == kind || $0.name == kind) && !$0.name.contains("/")
            }
            guard let found, resources.contains(where: { $0.name == found.name + "/scale" }) else { return nil }
            return ScaleResource(group: group, version: version, resource: found.name, kind: found.kind)
        } catch {
            throw problem(.failed(error.description))
        }
    }

    // MARK: Events

    /// Records that something happened to an object of this namespace (core/v1 Event).
    package func report(_ event: EventReport) async throws(RequestProblem) {
        _ = try await send(
            APIRequest(verb: .post, path: path("events"), body: event.body(namespace: namespace))
        ) { cause in
            RequestProblem(verb: "create", resource: "events", namespace: namespace, cause: cause)
        }
    }

    // MARK: Pods

    /// Addresses of running pods.
    ///
    /// - Parameters:
    ///   - selector: labels, as `status.selector` of a scale tells them.
    ///   - limit: pods after which no more are asked for.
    package func podAddresses(selector: String, limit: Int) async throws(RequestProblem) -> [String] {
        func problem(_ cause: RequestProblem.Cause) -> RequestProblem {
            RequestProblem(verb: "list", resource: "pods", namespace: namespace, cause: cause)
        }
        var addresses: [String] = []
        var next = ""
        repeat {
            var query = [("labelSelector", selector), ("fieldSelector", "status.phase=Running"), ("limit", "100")]
            if !next.isEmpty { query.append(("continue", next)) }
            let request = APIRequest(
                verb: .get, path: APIPath.query(path("pods"), query), accept: WireEncoding.protobuf.accept(watch: false)
            )
            let body = try await send(request, problem)
            next = ""
            do throws(DecodingFailure) {
                let encoding: WireEncoding = body.starts(with: ProtobufListSplitter.magic) ? .protobuf : .json
                var splitter = ListSplitter(encoding)
                for piece in try splitter.feed(body) {
                    switch piece {
                    case .metadata(let bytes): next = try encoding.read(WireListMeta.self, from: bytes).continue
                    case .item(let bytes):
                        let pod = try encoding.read(WirePod.self, from: bytes)
                        let isLeaving = pod.metadata.hasDeletionTimestamp
                        if !isLeaving, !pod.status.podIp.isEmpty { addresses.append(pod.status.podIp) }
                    }
                }
                try splitter.finish()
            } catch {
                throw problem(.failed(error.description))
            }
        } while !next.isEmpty && addresses.count < limit
        return Array(addresses.prefix(limit))
    }
}
