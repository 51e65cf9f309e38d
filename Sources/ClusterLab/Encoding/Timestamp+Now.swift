import Foundation
package import Text

extension Timestamp {
    package static var now: Timestamp {
        let sinceEpoch = Date().timeIntervalSince1970
        let whole = sinceEpoch.rounded(.down)
        return Timestamp(seconds: Int64(whole), nanoseconds: Int32((sinceEpoch - whole) * 1_000_000_000))
    }
}
