import Glibc

/// The driver of libFuzzer, which calls back with one input after the other (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// All fuzz targets in one program. The target is named by an environment variable, which the processes that libFuzzer
/// starts by itself inherit; the arguments are libFuzzer's.
@main enum Program {
    private static let variable = "FUZZ_TARGET"

    static func main() {
        let name = unsafe getenv(variable).map { unsafe String(cString: $0) } ?? ""
        guard let target = FuzzTarget.named(name) else {
            for target in FuzzTarget.all {
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
                unsafe Program.run(Array(UnsafeBufferPointer(start: start, count: count)))
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
