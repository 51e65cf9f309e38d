import DNSServer
import DNSWire
import EventLoop

/// What all upstream traffic of one plugin shares on one loop.
final class ForwardLoopSide {
    let loop: EventLoop
    private let inputBlock = ByteBlock(capacity: 65535)
    private let layoutBlock = ByteBlock(capacity: 65535)
    let meter: UpstreamMeter
    private var pools: [ObjectIdentifier: StreamPool] = [:]
    private var datagramPools: [ObjectIdentifier: DatagramPool] = [:]

    init(loop: EventLoop, meter: UpstreamMeter) {
        self.loop = loop
        self.meter = meter
    }

    /// Room for what a socket gives; its contents hold until the next read.
    var input: OutputBytes { inputBlock.bytes }
    /// Room in which replies are laid out.
    var layout: OutputBytes { layoutBlock.bytes }

    /// The UDP ports from which one upstream is asked.
    func datagrams(_ upstream: Upstream) -> DatagramPool {
        let key = ObjectIdentifier(upstream)
        if let pool = datagramPools[key] { return pool }
        let pool = DatagramPool(upstream, loop, meter)
        pool.makeRoom = { [unowned self] in
            for other in datagramPools.values { other.closeIdle() }
        }
        datagramPools[key] = pool
        return pool
    }

    /// The connections to one upstream.
    func pool(_ upstream: Upstream, _ settings: ForwardSettings) -> StreamPool {
        let key = ObjectIdentifier(upstream)
        if let pool = pools[key] { return pool }
        let pool = StreamPool(upstream, settings, on: self)
        pools[key] = pool
        return pool
    }
}
