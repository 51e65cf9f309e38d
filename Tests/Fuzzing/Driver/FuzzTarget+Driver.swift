import Glibc

/// The driver of libFuzzer, which calls back with one input after the other (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

extension FuzzTarget {
    private static let variable = "FUZZ_TARGET"

    /// Runs one of a program's targets. It is named by an environment variable, which the processes that libFuzzer starts
    /// by itself inherit; the arguments are libFuzzer's.
    package static func drive(_ all: [FuzzTarget]) -> Never {
        let name = unsafe getenv(variable).map { unsafe String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            for target in all {
                let padding = String(repeating: " ", count: max(1, 20 - target.name.count))
                print(target.name + padding + target.about)
            }
            exit(name.isEmpty || name == "list" ? 0 : 2)
        }
        do {
            unsafe body = try target.prepare()
        } catch {
            print("\(name) cannot be prepared: \(error)")
            exit(2)
        }
        var count = CommandLine.argc
        var arguments = unsafe CommandLine.unsafeArgv
        exit(
            unsafe runDriver(&count, &arguments) { start, count in
                unsafe FuzzTarget.run(Array(UnsafeBufferPointer(start: start, count: count)))
                return 0
            })
    }

    /// Set before the driver runs, which calls from one thread only.
    nonisolated(unsafe) private static var body: ([UInt8]) throws -> Void = { _ in }

    private static func run(_ input: [UInt8]) {
        do {
            try unsafe body(input)
        } catch {
            hold(false, "\(error)")
        }
    }
}
