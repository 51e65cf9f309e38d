import Flags
import Testing

@testable import Autoscaler

@Suite("parameters as text") struct ParameterTexts {
    @Test("linear: every parameter")
    func linear() throws {
        let parameters = try LinearParameters(
            json: #"""
                {"coresPerReplica": 2, "nodesPerReplica": 1.5, "min": 3, "max": 100,
                 "preventSinglePointFailure": true, "includeUnschedulableNodes": true}
                """#)
        #expect(parameters.coresPerReplica == 2)
        #expect(parameters.nodesPerReplica == 1.5)
        #expect(parameters.min == 3)
        #expect(parameters.max == 100)
        #expect(parameters.preventSinglePointFailure)
        #expect(parameters.includeUnschedulableNodes)
    }

    @Test("linear: what is left out")
    func linearStandards() throws {
        let parameters = try LinearParameters(json: #"{"coresPerReplica":2,"min":0,"max":0}"#)
        #expect(parameters.min == 1)
        #expect(parameters.max == 0)
        #expect(!parameters.preventSinglePointFailure && !parameters.includeUnschedulableNodes)
    }

    @Test(
        "linear: refused",
        arguments: [
            (
                #"{"coresPerReplica":2,}"#,
                "linear: found text that is not JSON, expected JSON, at octet 22: expected a member's name in quotes"
            ),
            (
                #"{"coresPerReplica":2"#,
                "linear: found text that is not JSON, expected JSON, at octet 21: expected a comma or a closing brace"
            ),
            (#"{"coresPerReplica":"2"}"#, #"linear.coresPerReplica: found the string "2", expected a number"#),
            (#"{"nodesPerReplica":-20}"#, "linear.nodesPerReplica: found -20.0, expected 0 or more"),
            (#"{"coresPerReplica":1,"min":100,"max":50}"#, "linear.max: found 50, expected 0, or at least min (100)"),
            (#"{"coresPerReplica":1,"max":-1}"#, "linear.max: found -1, expected 0, or at least min (0)"),
            (#"{"coresPerReplica":1,"min":-1}"#, "linear.min: found -1, expected 0 or more"),
            (#"{"coresPerReplica":1,"min":1.0}"#, "linear.min: found the number 1.0, expected a whole number"),
            (#"{"coresPerReplica":1,"min":1e2}"#, "linear.min: found the number 1e2, expected a whole number"),
            (
                #"{"coresPerReplica":1,"min":9223372036854775808}"#,
                "linear.min: found the number 9223372036854775808, expected a whole number"
            ),
            (#"{"coresPerReplica":1e400}"#, "linear.coresPerReplica: found the number 1e400, expected a number"),
            (
                #"{"min":1,"max":9}"#,
                "linear: found neither coresPerReplica nor nodesPerReplica, expected one of them, above 0"
            ),
            (
                #"{"coresPerReplica":1,"preventSinglePointFailure":yes}"#,
                "linear: found text that is not JSON, expected JSON, at octet 50: expected a value"
            ),
            (
                #"{"coresPerReplica":1,"includeUnschedulableNodes":"true"}"#,
                #"linear.includeUnschedulableNodes: found the string "true", expected true or false, without quotes"#
            ),
            ("[]", "linear: found an array, expected a JSON object"),
            ("null", "linear: found neither coresPerReplica nor nodesPerReplica, expected one of them, above 0"),
            ("", "linear: found text that is not JSON, expected JSON, at octet 1: expected a value"),
            (
                #"{"coresPerReplica":1} x"#,
                "linear: found text that is not JSON, expected JSON, at octet 23: expected the end of the text"
            ),
        ])
    func linearErrors(_ text: String, _ wanted: String) {
        let error = #expect(throws: ParameterError.self) { try LinearParameters(json: text) }
        #expect(error?.description == wanted)
    }

    @Test("Go's rules: names in any case, null changes nothing, strangers are passed over, the last one counts")
    func goRules() throws {
        let parameters = try LinearParameters(
            json:
                #"{"CORESPERREPLICA":3,"NodesPerReplica":4,"nodesperreplica":null,"x":{"a":[1,"x"]},"min":1,"min":2}"#
        )
        #expect(parameters.coresPerReplica == 3)
        #expect(parameters.nodesPerReplica == 4)
        #expect(parameters.min == 2)
    }

    @Test(
        "ladder: accepted",
        arguments: [
            ("[[1,1]]", [(1, 1)]), ("[[2,2],[1,1]]", [(1, 1), (2, 2)]), ("[[5]]", [(5, 0)]), ("[[]]", [(0, 0)]),
            ("[[1,2,3]]", [(1, 2)]), ("[null]", [(0, 0)]), ("null", []), ("[[1,null]]", [(1, 0)]),
            (#"[[1,2,"surplus"]]"#, [(1, 2)]),
        ] as [(String, [(Int, Int)])])
    func ladder(_ table: String, _ wanted: [(Int, Int)]) throws {
        let parameters = try LadderParameters(json: #"{"coresToReplicas":\#(table)}"#)
        #expect(parameters.coresToReplicas == wanted.map { LadderParameters.Step(from: $0.0, replicas: $0.1) })
        #expect(!parameters.includeUnschedulableNodes)
    }

    @Test(
        "ladder: refused",
        arguments: [
            #"{"coresToReplicas":{"1":1}}"#, #"{"coresToReplicas":[{1,1}]}"#, #"{"coresToReplicas":[[1,1]}"#,
            #"{"coresToReplicas":"[[1,1]]}"#, #"{"nodesToReplicas":[[1,-200]]}"#, #"{"nodesToReplicas":[[-1,2]]}"#,
            #"{"nodesToReplicas":[[1,1.5]]}"#, #"{"nodesToReplicas":[["1",1]]}"#,
            #"{"includeUnschedulableNodes":"true"}"#,
            #"{"nodesToReplicas":[[1,:-200]]}"#, "{\"nodesToReplicas\":\(String(repeating: "[", count: 100_000))",
        ])
    func ladderErrors(_ text: String) {
        #expect(throws: ParameterError.self) { try LadderParameters(json: text) }
    }

    @Test("exactly one key, linear or ladder")
    func modes() throws {
        #expect(try ScalingParameters(data: ["linear": #"{"nodesPerReplica":1}"#]).mode == "linear")
        #expect(try ScalingParameters(data: ["ladder": "{}"]).mode == "ladder")
        let both = ["linear": #"{"nodesPerReplica":1}"#, "ladder": "{}"]
        for (data, wanted) in [
            ([:], "data: found no key, expected exactly one key, linear or ladder"),
            (both, "data: found the keys ladder, linear, expected exactly one key, linear or ladder"),
            (["invalidmode": "{}"], "data: found the key invalidmode, expected the key linear or ladder"),
        ] {
            let error = #expect(throws: ParameterError.self) { try ScalingParameters(data: data) }
            #expect(error?.description == wanted)
        }
    }

    @Test("default parameters become text again as Go writes it")
    func defaults() throws {
        let given = #"{ "linear" : { "nodesPerReplica" : 16.0, "coresPerReplica":256, "max": 1e3, "note":"a<b" } }"#
        #expect(
            try DefaultParameters(json: given).data == [
                "linear": #"{"coresPerReplica":256,"max":1000,"nodesPerReplica":16,"note":"a\u003cb"}"#
            ])
        #expect(throws: ParameterError.self) { try DefaultParameters(json: "linear") }
        #expect(throws: ParameterError.self) { try DefaultParameters(json: "[]") }
    }
}
