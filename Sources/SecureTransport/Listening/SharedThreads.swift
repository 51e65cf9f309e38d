package import EventLoop
package import NIOCore
import NIOPosix
import Synchronization

/// NIO's threads for those who need none of their own: pages, and streams through TLS.
package enum SharedThreads {
    private static let areBegun = Mutex(false)

    /// Begun with the first use. NIO ends the process where it cannot begin a thread, so that is found out before.
    package static func group() throws(SystemError) -> any EventLoopGroup {
        try areBegun.withLock { areBegun throws(SystemError) in
            if !areBegun { try LoopThread.expect(NIOSingletons.groupLoopCountSuggestion) }
            areBegun = true
            return MultiThreadedEventLoopGroup.singleton
        }
    }
}
