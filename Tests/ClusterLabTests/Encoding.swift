import Testing
import Text

@testable import ClusterLab

@Suite("Objects between JSON and protobuf") struct Encoding {
    @Test("the message table has no word it does not know") func table() {
        #expect(Schemas.unknownWords == [])
        #expect(Schemas.all.count > 80)
    }

    @Test(
        "a real server's protobuf reads as its JSON",
        arguments: ["list-services", "list-endpointslices", "list-nodes", "list-namespaces", "list-pods"])
    func readsRecordings(_ name: String) throws {
        let fromProtobuf = try ObjectEncoding.decode(Recordings.bytes(name + ".pb"))
        let fromJSON = try Recordings.json(name + ".json")
        #expect(fromProtobuf["items"].elements.count == fromJSON["items"].elements.count)
        #expect(!fromJSON["items"].elements.isEmpty)
        for (one, other) in zip(fromProtobuf["items"].elements, fromJSON["items"].elements) {
            let (one, other) = (one.sortedByName, other.sortedByName)
            #expect(one == other, "\(String(decoding: one.bytes, as: UTF8.self))")
            if one != other { break }
        }
    }

    @Test(
        "JSON becomes the very bytes of the real server",
        arguments: ["list-services", "list-endpointslices", "list-nodes", "list-namespaces", "list-pods"])
    func writesRecordings(_ name: String) throws {
        let (apiVersion, kind, raw) = try ObjectEncoding.unwrap(Recordings.bytes(name + ".pb"))
        let schema = try ObjectEncoding.schema(apiVersion: apiVersion, kind: String(kind.dropLast(4)))
        var reader = ProtobufReader(raw)
        var written = 0
        while let field = try reader.next() {
            guard field.tag == 2, let payload = field.payload else { continue }
            let expected = reader.slice(payload)
            var item = ProtobufReader(expected)
            var writer = ProtobufWriter()
            try writer.write(try item.message(schema), as: schema)
            #expect(writer.out == expected)
            if writer.out != expected { return }
            written += 1
        }
        #expect(written > 5)
    }

    @Test("frames have the documented bytes") func frames() throws {
        let map: JSONValue = [
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": ["name": "a", "namespace": "b", "resourceVersion": "7"], "data": ["k": "v"],
        ]
        let decoded = try ObjectEncoding.decode(ObjectEncoding.encode(map))
        #expect(decoded.sortedByName == map.sortedByName)
        let error = StatusError.expired("too old resource version: 5 (1925)")
        var form = Representation()
        form.encoding = .protobuf
        #expect(try form.event("ERROR", error.object) == Recordings.bytes("watch-expired.pb"))
        form.encoding = .json
        #expect(
            try JSONReader.read(form.event("ERROR", error.object)).sortedByName
                == Recordings.json("watch-expired.json").sortedByName)
        let forbidden = StatusError.forbidden(
            User(name: "nobody", groups: []), Access(verb: "list", group: "", resource: "services"))
        #expect(try ObjectEncoding.encode(forbidden.object) == Recordings.bytes("list-forbidden.pb"))
    }

    @Test("a pod template's every part survives protobuf") func wholeTemplates() throws {
        let text = """
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {
              "replicas": 1, "serviceName": "s", "selector": {"matchLabels": {"a": "b"}}, "updateStrategy": {},
              "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}, "status": {}}],
              "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                  {"labelSelector": {"matchLabels": {"a": "b"}}, "topologyKey": "kubernetes.io/hostname"}]}},
                "topologySpreadConstraints": [
                  {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "c", "image": "i", "resources": {},
                  "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                  "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
                  "startupProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
                  "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}}}]}}},
             "status": {"replicas": 0, "availableReplicas": 0}}
            """
        let object = try JSONReader.read(Array(text.utf8))
        let back = try ObjectEncoding.decode(ObjectEncoding.encode(object))
        #expect(back.sortedByName == object.sortedByName)
    }

    @Test("no byte string makes the readers trap") func hostileBytes() throws {
        let good = try Recordings.bytes("list-nodes.pb")
        var random = SeededRandom(seed: 7)
        for _ in 0..<300 {
            var bad = Array(good.prefix(Int(random.next() % UInt64(good.count))))
            for _ in 0..<4 where !bad.isEmpty {
                bad[Int(random.next() % UInt64(bad.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = try? ObjectEncoding.decode(bad)
            _ = try? JSONReader.read(bad)
        }
    }
}
