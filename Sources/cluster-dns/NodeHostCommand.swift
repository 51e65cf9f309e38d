import ArgumentParser
import DNSWire
import NodeHost

/// `cluster-dns node-host`: the network of a node by hand, where the node cache is not there to do it.
struct NodeHostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node-host", abstract: "Sets up, checks or removes what a node cache needs of its node's network.",
        discussion: """
            That is an interface whose addresses pods ask, as NodeLocal DNSCache has
            it, and rules of nftables: packets of these addresses are not tracked as
            connections, so kube-proxy does not send them elsewhere, and where the
            node drops what no rule accepts, they are accepted. The rules stand in a
            table of their own, `inet cluster-dns-node`, and under a comment of that
            name in the chains that drop by policy.

            What is not as it should be (changes nothing, exit code 1 if any):

              cluster-dns node-host check --local-ip 169.254.20.10

            Makes it so, and says what was not:

              cluster-dns node-host set-up --local-ip 169.254.20.10

            Takes it away, so that pods reach the cluster's own servers again:

              cluster-dns node-host remove --local-ip 169.254.20.10

            It needs the capability NET_ADMIN, in the network namespace of the node.
            Where it is set up and no name server answers at the addresses, pods
            that ask there get no answer.
            """,
        subcommands: [SetUp.self, Check.self, Remove.self])

    /// A word that is wrong, as every other setting says it.
    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    struct Options: ParsableArguments {
        @Option(
            name: .customLong("local-ip"), parsing: .upToNextOption,
            help:
                "Addresses that the node cache is asked at, of both families, separated by commas; Service addresses too."
        )
        var addresses: [String]

        @Option(name: .customLong("interface-name"), help: "The interface that has the addresses.")
        var interface = HostSettings.usualInterface

        @Option(name: .customLong("health-port"), help: "Where the kubelet asks whether the node cache is alive.")
        var healthPort: UInt16 = 8080

        func parts() throws -> [any HostPart] {
            let words = addresses.flatMap { $0.split(separator: ",").map(String.init) }
            var settings = HostSettings(
                addresses: try words.map { word in
                    guard let address = IPAddress(word) else {
                        throw Mistake(description: "--local-ip: found \"\(word)\", expected an IP address")
                    }
                    return address
                })
            settings.interface = interface
            settings.healthPort = healthPort
            if let problem = settings.problem { throw Mistake(description: problem) }
            return [LocalInterface(settings), LocalRules(settings)]
        }

        /// Does something with each part, whatever becomes of the others; true where anything was found.
        func report(
            ending: String = "", backwards: Bool = false, _ work: (any HostPart) throws(HostError) -> [HostFinding]
        ) throws -> Bool {
            var (isFound, isFailed) = (false, false)
            do {
                for part in backwards ? try parts().reversed() : try parts() {
                    do throws(HostError) {
                        for finding in try work(part) {
                            Standard.output("\(finding)\(ending)")
                            isFound = true
                        }
                    } catch {
                        Standard.error("\(error)")
                        isFailed = true
                    }
                }
            } catch {
                Standard.error("\(error)")
                isFailed = true
            }
            if isFailed { throw ExitCode(2) }
            return isFound
        }
    }

    struct SetUp: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-up",
            abstract: "Makes the node's network as it should be; a line for each thing that was not.")
        @OptionGroup var options: Options

        func run() throws {
            _ = try options.report(ending: ", put right") { (part) throws(HostError) in try part.putRight() }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Says what is not as it should be; exit code 1 when there is any, 2 on errors.")
        @OptionGroup var options: Options

        func run() throws {
            if try options.report({ (part) throws(HostError) in try part.findings() }) { throw ExitCode(1) }
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Takes interface and rules away; an interface of another kind only loses the addresses."
        )
        @OptionGroup var options: Options

        // Rules first: what still comes goes to the cluster's own servers.
        func run() throws { _ = try options.report(backwards: true) { (part) throws(HostError) in try part.remove() } }
    }
}
