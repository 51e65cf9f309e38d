import DNSServer
import DNSWire

/// A plugin that sends questions to other servers and can stop doing so when they come back.
protocol QuestionSender: Plugin {
    /// True for the plugin that was configured in this server block.
    func belongs(to block: BlockSettings) -> Bool

    /// Sends no questions any more to where `name` was sent; gives the addresses, empty when it was not sent from here.
    func stopSending(_ name: Name) -> [String]
}
