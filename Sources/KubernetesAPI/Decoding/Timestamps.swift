/// RFC 3339 date and time with optional fraction, as seconds since 1970; nil for anything else.
func secondsSince1970(rfc3339 text: String) -> Double? {
    var rest = Array(text.utf8)[...]

    func number(_ digits: Int) -> Int? {
        let part = rest.prefix(digits)
        guard part.count == digits, part.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        rest = rest.dropFirst(digits)
        return part.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
    func mark(_ allowed: String) -> Bool {
        guard let first = rest.first, allowed.utf8.contains(first) else { return false }
        rest = rest.dropFirst()
        return true
    }

    guard let year = number(4), mark("-"), let month = number(2), mark("-"), let day = number(2), mark("Tt "),
        let hour = number(2), mark(":"), let minute = number(2), mark(":"), let second = number(2),
        (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }

    var fraction = 0.0
    if mark(".") {
        var weight = 0.1
        guard rest.first.map({ (0x30...0x39).contains($0) }) == true else { return nil }
        while let digit = rest.first, (0x30...0x39).contains(digit) {
            fraction += Double(digit - 0x30) * weight
            weight /= 10
            rest = rest.dropFirst()
        }
    }

    var offset = 0
    if !mark("Zz") {
        let sign = rest.first == UInt8(ascii: "-") ? -1 : 1
        guard mark("+-"), let hours = number(2), mark(":"), let minutes = number(2), hours < 24, minutes < 60 else {
            return nil
        }
        offset = sign * (hours * 3600 + minutes * 60)
    }
    guard rest.isEmpty else { return nil }

    // Days since 1970 of a Gregorian date, counting years from March so that the leap day comes last.
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted >= 0 ? shifted / 400 : (shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return Double(days * 86_400 + hour * 3600 + minute * 60 + second - offset) + fraction
}
