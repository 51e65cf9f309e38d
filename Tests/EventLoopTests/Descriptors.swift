import EventLoop
import Testing

@Suite("descriptors: some are kept from clients") struct Descriptors {
    @Test(
        "256, or a quarter of all",
        arguments: [(64, 16), (1020, 255), (1023, 255), (1024, 256), (1025, 256), (1_048_576, 256)])
    func size(_ limit: Int, _ reserve: Int) { #expect(DescriptorReserve.size(of: limit) == reserve) }

    @Test("none is reached while few are open") func reached() { #expect(!DescriptorReserve.isReached) }
}
