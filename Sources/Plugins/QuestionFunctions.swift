import Corefile
import DNSServer
import DNSWire
import EventLoop
import Expressions

/// What expressions of `view` and `template` can ask about the current question, in CoreDNS' words.
struct QuestionFunctions {
    private enum Function: String, CaseIterable {
        case bufsize, `class`, client_ip, `do`, id, name, opcode, port, proto, server_ip, server_port, size, type
        case incidr, metadata

        var signature: ExpressionFunction {
            switch self {
            case .bufsize, .id, .opcode, .size: ExpressionFunction(rawValue, gives: .integer)
            case .do: ExpressionFunction(rawValue, gives: .boolean)
            case .incidr: ExpressionFunction(rawValue, .string, .string, gives: .boolean)
            case .metadata: ExpressionFunction(rawValue, .string, gives: .string)
            default: ExpressionFunction(rawValue, gives: .string)
            }
        }
    }

    /// Nil where labels have no values.
    let metadata: (any MetadataReader)?

    static let functions: [ExpressionFunction] = Function.allCases.map(\.signature)

    /// - Parameter place: among `functions`.
    func value(
        _ place: Int, _ arguments: [ExpressionValue], _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> ExpressionValue {
        guard Function.allCases.indices.contains(place) else { throw EvaluationError("an unknown function") }
        switch Function.allCases[place] {
        case .bufsize: return .integer(Self.payloadSize(exchange))
        case .class: return .string(RecordClass.text(exchange.question.class))
        case .client_ip: return .string(exchange.client.address.description)
        case .do: return .boolean(exchange.asked.edns?.dnssecOK ?? false)
        case .id: return .integer(Int(exchange.asked.id))
        case .name: return .string(exchange.question.folded.nameText)
        case .opcode: return .integer(Int(exchange.asked.opcode))
        case .port: return .string(String(exchange.client.port))
        case .proto: return .string(exchange.transport.text)
        case .server_ip: return .string(try Self.server(exchange).address.description)
        case .server_port: return .string(String(try Self.server(exchange).port))
        case .size: return .integer(exchange.message.count)
        case .type: return .string(exchange.question.type.description)
        case .incidr: return .boolean(try Self.isInside(arguments))
        case .metadata:
            guard case .string(let label)? = arguments.first else { throw EvaluationError("metadata without a label") }
            return .string(metadata?.value(label, of: exchange) ?? "")
        }
    }

    /// What the client takes, as far as a transport lets it say so.
    private static func payloadSize(_ exchange: borrowing Exchange) -> Int {
        exchange.transport == .udp ? max(512, Int(exchange.asked.edns?.payloadSize ?? 512)) : 65_535
    }

    private static func server(_ exchange: borrowing Exchange) throws(EvaluationError) -> SocketAddress {
        guard let server = exchange.server else { throw EvaluationError("a question that reached no address") }
        return server
    }

    /// Addresses may stand in brackets, as in URLs.
    private static func isInside(_ arguments: [ExpressionValue]) throws(EvaluationError) -> Bool {
        guard arguments.count == 2, case .string(let text) = arguments[0], case .string(let network) = arguments[1]
        else { throw EvaluationError("incidr without an address and a network") }
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        guard let address = IPAddress(bare) else {
            throw EvaluationError("'\(text.prefix(50))', which is no IP address")
        }
        let parts = network.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let prefix = IPAddress(parts[0]), let length = Int(parts[1]),
            (0...prefix.octetCount * 8).contains(length)
        else { throw EvaluationError("'\(network.prefix(50))', which is no network such as 10.0.0.0/8") }
        guard address.isIPv4 == prefix.isIPv4 else { return false }
        let (whole, rest) = length.quotientAndRemainder(dividingBy: 8)
        for index in 0..<whole where address.octet(index) != prefix.octet(index) { return false }
        return rest == 0 || (address.octet(whole) ^ prefix.octet(whole)) >> UInt8(8 - rest) == 0
    }
}

extension QuestionFunctions {
    /// True when the expression has a value and that is true: what cannot be evaluated does not hold.
    func holds(_ condition: Expression, _ exchange: borrowing Exchange) -> Bool {
        let value = try? condition.value(of: exchange) { place, arguments, exchange throws(EvaluationError) in
            try self.value(place, arguments, exchange)
        }
        return value == .boolean(true)
    }
}

extension Directive {
    /// The arguments from a position on as one expression, as CoreDNS joins them.
    ///
    /// - Parameter type: what its value is to be, if that matters.
    func expression(
        from index: Int, _ names: ExpressionNames, wants type: ExpressionType = .unknown
    ) throws(ConfigurationError) -> Expression {
        let first = try argument(index, "an expression")
        let text = words.dropFirst(index).joined(separator: " ")
        let expression: Expression
        do throws(ExpressionError) {
            expression = try Expression(text, names: names)
        } catch {
            throw self.error(
                found: "\(name) with \(error.found) at column \(error.column) of \(ConfigurationError.shown(text))",
                expected: error.expected, at: first.at)
        }
        guard type == .unknown || expression.type == .unknown || expression.type == type else {
            throw error(
                found: "\(name) with \(ConfigurationError.shown(text)), which is \(expression.type.description)",
                expected: "an expression that is \(type.description)", at: first.at)
        }
        return expression
    }
}
