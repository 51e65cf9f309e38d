#!/usr/bin/env python3
"""Kinds that a CustomResourceDefinition brings: discovered, written, watched, pruned and taken away, with kubectl."""

import json
import re
from live import Lab, Program, Suite, eventually
from replay import Client

WHEELS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wheels.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: wheels, kind: Wheel, shortNames: [wh], categories: [parts]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Maker, type: string, jsonPath: .spec.maker, priority: 1}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1}
              count: {type: integer, default: 2}
              maker: {type: string, enum: [Red, Blue]}
              notes: {type: object, x-kubernetes-preserve-unknown-fields: true}
              spokes:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, properties: {name: {type: string}, length: {type: integer}}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - name: v1beta1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
FRONT = """
apiVersion: example.com/v1
kind: Wheel
metadata: {name: front, labels: {side: front}}
spec: {size: 28, maker: Red, unheard: of, notes: {any: thing}}
"""
IMPORTS = "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports"


def body(suite):
    lab = Lab()
    client = Client(lab)
    kubectl = lab.kubectl

    def says(label, done, wanted):
        suite.check(label, done[0] == 0 and re.fullmatch(wanted, done[1], re.DOTALL), done)

    def refuses(label, done, wanted):
        suite.check(label, done[0] != 0 and re.search(wanted, done[2]), done)

    def wheel(name="front"):
        return json.loads(client.ask("GET", f"/apis/example.com/v1/namespaces/default/wheels/{name}")[2])

    # Before and after the definition.
    suite.equal("before: no group", client.ask("GET", "/apis/example.com/v1")[0], 404)
    suite.equal("before: no ServiceImports", client.ask("GET", IMPORTS)[0], 404)
    refuses("before: no kind", kubectl("apply", "-f", "-", given=FRONT), 'no matches for kind "Wheel"')
    says("the definition", kubectl("apply", "-f", "-", given=WHEELS),
        r"customresourcedefinition\.apiextensions\.k8s\.io/wheels\.example\.com created")
    says("is established", kubectl("wait", "--for=condition=Established", "crd/wheels.example.com", "--timeout=5s"), ".*condition met")
    conditions = json.loads(kubectl("get", "crd", "wheels.example.com", "-o", "json")[1])["status"]["conditions"]
    suite.equal("its conditions", {item["type"]: item["status"] for item in conditions}, {"NamesAccepted": "True", "Established": "True"})
    says("api-resources", kubectl("api-resources", "--api-group=example.com", "--no-headers"),
        r"wheels +wh +example\.com/v1 +true +Wheel")
    says("api-versions", kubectl("api-versions"), r"(?=.*\bexample\.com/v1\n)(?=.*\bexample\.com/v1beta1\n).*")
    refuses("another group's name", kubectl("create", "-f", "-", given=WHEELS.replace("name: wheels.example.com", "name: wheels.example.org")),
        r"must be spec.names.plural")

    # Objects.
    code, output, error = kubectl("apply", "--validate=warn", "-f", "-", given=FRONT)
    suite.check("create, with a warning", code == 0 and 'unknown field "spec.unheard"' in error and output == "wheel.example.com/front created", output + error)
    suite.equal("pruned and defaulted", wheel()["spec"], {"size": 28, "maker": "Red", "notes": {"any": "thing"}, "count": 2})
    refuses("strict: the field is named", kubectl("create", "--validate=strict", "-f", "-", given=FRONT.replace("front", "strict")),
        r'strict decoding error: unknown field "spec.unheard"')
    refuses("a wrong type", kubectl("create", "--validate=false", "-f", "-", given=FRONT.replace("28", "large").replace("front", "other")),
        r'Wheel.* "other" is invalid: spec\.size: Invalid value: "large": spec\.size in body must be of type integer: "string"')
    refuses("a value too small", kubectl("create", "--validate=false", "-f", "-", given=FRONT.replace("28", "0").replace("front", "other")),
        "should be greater than or equal to 1")
    refuses("a value not in the list", kubectl("create", "--validate=false", "-f", "-", given=FRONT.replace("Red", "Green").replace("front", "other")),
        'Unsupported value: "Green"')
    refuses("a field missing", kubectl("create", "--validate=false", "-f", "-", given=FRONT.replace("size: 28, ", "").replace("front", "other")),
        r"spec\.size: Required value")
    says("get", kubectl("get", "wh"), r"NAME +SIZE\nfront +28")
    says("get -o wide", kubectl("get", "wheels", "-o", "wide"), r"NAME +SIZE +MAKER\nfront +28 +Red")
    says("by category", kubectl("get", "parts", "-o", "name"), r"wheel\.example\.com/front")
    says("by label", kubectl("get", "wheels", "-l", "side=back", "-o", "name"), "")
    says("of another version", kubectl("get", "wheels.v1beta1.example.com", "front", "-o", "jsonpath={.apiVersion}"), r"example\.com/v1beta1")
    says("explain", kubectl("explain", "wheel.spec"), r".*size\t<integer>.*")

    # Watching and patching.
    watch = Program("watch", ["kubectl", "get", "wheels", "-w", "--output-watch-events"], lab.kubectl_environment)
    suite.check("a watch shows it", eventually(lambda: re.search(r"^ADDED +front", watch.log, re.MULTILINE)), watch.log)
    says("merge patch", kubectl("patch", "wheel", "front", "--type=merge", "-p", '{"spec":{"size":29}}'), r"wheel\.example\.com/front patched")
    says("JSON patch", kubectl("patch", "wheel", "front", "--type=json", "-p", '[{"op":"replace","path":"/spec/maker","value":"Blue"}]'),
        r"wheel\.example\.com/front patched")
    suite.equal("both are there", (wheel()["spec"]["size"], wheel()["spec"]["maker"]), (29, "Blue"))
    suite.equal("and raise the generation", wheel()["metadata"]["generation"], 3)
    suite.equal("no strategic patch", client.ask("PATCH", "/apis/example.com/v1/namespaces/default/wheels/front", body={})[0], 415)
    suite.check("the watch saw them", eventually(lambda: re.search(r"^MODIFIED +front +29", watch.log, re.MULTILINE)), watch.log)
    says("status", kubectl("patch", "wheel", "front", "--subresource=status", "--type=merge", "-p", '{"status":{"count":2}}'),
        r"wheel\.example\.com/front patched")
    suite.equal("a status changes nothing else", (wheel()["status"], wheel()["metadata"]["generation"]), ({"count": 2}, 3))
    kubectl("patch", "wheel", "front", "--type=merge", "-p", '{"status":{"count":9}}')
    suite.equal("and only through its own path", wheel()["status"], {"count": 2})
    says("scale", kubectl("scale", "wheel/front", "--replicas=5"), r"wheel\.example\.com/front scaled")
    suite.equal("scaled", wheel()["spec"]["count"], 5)
    for manager, length in (("one", 10), ("two", 20)):
        kubectl("apply", "--server-side", "--field-manager", manager, "-f", "-", given=json.dumps({
            "apiVersion": "example.com/v1", "kind": "Wheel", "metadata": {"name": "front"},
            "spec": {"spokes": [{"name": manager, "length": length}]}}))
    suite.equal("lists merge by the schema's keys", wheel()["spec"]["spokes"],
        [{"name": "one", "length": 10}, {"name": "two", "length": 20}])

    # Finalizers hold an object.
    kubectl("patch", "wheel", "front", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/brake"]}}')
    kubectl("delete", "wheel", "front", "--wait=false")
    suite.check("a finalizer holds it", wheel()["metadata"].get("deletionTimestamp"), wheel()["metadata"])
    kubectl("patch", "wheel", "front", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    suite.equal("until it is taken out", client.ask("GET", "/apis/example.com/v1/namespaces/default/wheels/front")[0], 404)
    suite.check("the watch saw it go", eventually(lambda: re.search(r"^DELETED +front", watch.log, re.MULTILINE)), watch.log)
    watch.kill()

    # The definition goes, and its objects with it.
    kubectl("apply", "--validate=ignore", "-f", "-", given=FRONT)
    says("delete the definition", kubectl("delete", "crd", "wheels.example.com"), r'.*"wheels\.example\.com" deleted.*')
    suite.equal("its kind is gone", client.ask("GET", "/apis/example.com/v1/wheels")[0], 404)
    kubectl("apply", "-f", "-", given=WHEELS)
    suite.equal("made again, it has no objects", json.loads(client.ask("GET", "/apis/example.com/v1/wheels")[2])["items"], [])

    # ServiceImports sleep until they are defined.
    kubectl("apply", "-f", "-", given=WHEELS.replace("example.com", "multicluster.x-k8s.io").replace("wheels", "serviceimports")
        .replace("Wheel", "ServiceImport").replace("name: v1\n", "name: v1alpha1\n").replace("[wh]", "[si]"))
    suite.equal("ServiceImports are served", client.ask("GET", IMPORTS)[0], 200)

    # Discovery in one document.
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    code, headers, content = client.ask("GET", "/apis", accept)
    groups = {item["metadata"]["name"]: item for item in json.loads(content)["items"]}
    suite.equal("aggregated discovery: its type", headers["Content-Type"], accept.split(",")[0])
    wheels = groups["example.com"]["versions"][0]
    suite.equal("the custom kind is in it", (wheels["version"], wheels["resources"][0]["resource"], wheels["resources"][0]["responseKind"]),
        ("v1", "wheels", {"group": "example.com", "version": "v1", "kind": "Wheel"}))
    core = json.loads(client.ask("GET", "/api", accept)[2])["items"][0]["versions"][0]
    pods = next(item for item in core["resources"] if item["resource"] == "pods")
    suite.equal("pods are", (pods["scope"], pods["shortNames"], pods["subresources"][0]["subresource"]), ("Namespaced", ["po"], "status"))
    suite.equal("without the wish, the older lists", json.loads(client.ask("GET", "/apis")[2])["kind"], "APIGroupList")


if __name__ == "__main__":
    Suite("custom-resources").run(body)
