import EventLoop
import Testing

@Suite("descriptors: some are kept from clients") struct Descriptors {
    @Test(
        "256, or half of all",
        arguments: [(64, 32), (511, 255), (512, 256), (513, 256), (1024, 256), (1_048_576, 256)])
    func size(_ limit: Int, _ reserve: Int) { #expect(DescriptorReserve.size(of: limit) == reserve) }

    @Test("none is reached while few are open") func reached() { #expect(!DescriptorReserve.isReached) }
}
