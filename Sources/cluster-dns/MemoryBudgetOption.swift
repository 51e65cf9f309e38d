import ArgumentParser
import Autoscaler
import CLinux
import DNSServer
import EventLoop
import Glibc
import Telemetry

/// What `--memory-budget` says.
enum MemoryBudgetOption: ExpressibleByArgument {
    /// A share of what the container may have.
    case automatic
    case unlimited
    case octets(Int)

    init?(argument: String) {
        switch argument {
        case "auto": self = .automatic
        case "none": self = .unlimited
        default:
            guard let octets = Quantity(argument)?.units, octets > 0 else { return nil }
            self = .octets(octets)
        }
    }

    var defaultValueDescription: String { "auto" }

    /// Percent of the container's limit: the rest is for what the kernel counts beside resident memory, such as
    /// sockets' buffers, and for what comes between two looks.
    private static let share = 90

    /// In octets; nil for none.
    private var budget: Int? {
        switch self {
        case .automatic: MemoryLimit.ofThisProcess.octets().map { $0 / 100 * Self.share }
        case .unlimited: nil
        case .octets(let octets): octets
        }
    }

    /// Keeps the process within it, on a thread of its own: it has to run while everything else is busy.
    func keep(_ metrics: MetricRegistry) throws(SystemError) -> MemoryBudget {
        let memory = MemoryBudget(metrics)
        try LoopThread.run {
            var watch = MemoryWatch(memory) { Heap.trim() }
            while true {
                let pause = watch.look(resident: Heap.residentOctets, budget: budget, now: cl_now())
                usleep(UInt32(pause / 1000))
            }
        }
        return memory
    }
}
