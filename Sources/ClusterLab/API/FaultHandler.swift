import HTTPTypes
import Hummingbird

/// Switches faults while the server runs: `GET`, `PUT` and `DELETE /lab/fault`, for administrators only.
///
/// A body is one fault a line, as `--fault` takes them; `PUT` replaces those that are set. No fault touches this path.
struct FaultHandler: Sendable {
    let faults: @Sendable () -> [LabFault]
    let setFaults: @Sendable ([LabFault]) -> Void

    func answer(_ request: Request, _ user: User) async throws -> Response {
        guard user.mayDoEverything else {
            throw StatusError.forbidden(user, Access(verb: request.method.rawValue.lowercased(), path: "/lab/fault"))
        }
        switch request.method {
        case .get: break
        case .put:
            let body = try await RequestLimits.body(of: request)
            var wanted: [LabFault] = []
            for line in String(decoding: body, as: UTF8.self).split(whereSeparator: \.isNewline) {
                let line = line.trimmed
                if line.isEmpty { continue }
                do {
                    wanted.append(try LabFault(String(line)))
                } catch { throw StatusError.badRequest("\(error)") }
            }
            setFaults(wanted)
        case .delete: setFaults([])
        default: throw StatusError.methodNotAllowed
        }
        return APIResponder.text(.ok, faults().map { $0.text + "\n" }.joined())
    }
}
