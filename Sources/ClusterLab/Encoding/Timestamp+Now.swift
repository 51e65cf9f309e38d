import Foundation
package import Text

extension Timestamp {
    package static var now: Timestamp { Timestamp(secondsSince1970: Date().timeIntervalSince1970) }
}
