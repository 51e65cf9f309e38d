import Glibc

/// Lines for a person at the terminal.
enum Standard {
    static func error(_ text: String) { write(text + "\n", to: 2) }
    static func output(_ text: String) { write(text + "\n", to: 1) }

    private static func write(_ text: String, to number: Int32) {
        let octets = Array(text.utf8)
        _ = unsafe Glibc.write(number, octets, octets.count)
    }
}
