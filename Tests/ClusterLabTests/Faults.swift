import Testing

@testable import ClusterLab

@Suite("Faults by name") struct Faults {
    @Test(
        "every fault reads back from its words",
        arguments: [
            .silentWatch, .dropWatches, .expire410(), .expire410(asStatus: true), .tooManyRequests(),
            .tooManyRequests(retryAfter: 3), .serverError, .slowList(seconds: 1.5), .tornChunk, .restartedHistory,
            .tokenRotation, .forbidden, .forbiddenResource("pods"),
        ] as [LabFault])
    func words(_ fault: LabFault) throws {
        #expect(try LabFault(fault.text) == fault)
        #expect(LabFault.explanation.contains(fault.text.split(separator: "=").first ?? ""))
    }

    @Test("others are refused", arguments: ["", "nothing", "429=-1", "429=x", "slow-list=x", "500=1", "forbidden="])
    func refused(_ text: String) {
        #expect(throws: LabError.self) { try LabFault(text) }
    }
}
