/// A moment as the API writes it: whole seconds since 1970 and nanoseconds, always UTC.
package struct Timestamp: Sendable, Equatable {
    package var seconds: Int64
    package var nanoseconds: Int32

    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// To the microsecond. Times before 1970 and after the year 9999 are the nearest between.
    package init(secondsSince1970 seconds: Double) {
        let micros = Int64(max(0, min(seconds, 253_402_300_799)) * 1_000_000)
        self.init(seconds: micros / 1_000_000, nanoseconds: Int32(micros % 1_000_000) * 1000)
    }

    package var secondsSince1970: Double { Double(seconds) + Double(nanoseconds) * 1e-9 }

    /// Reads RFC 3339 text with any fraction and offset; nil when it is not that.
    package init?(_ text: String) {
        var rest = Array(text.utf8)[...]

        func number(_ digits: Int) -> Int64? {
            let part = rest.prefix(digits)
            guard part.count == digits, part.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            rest = rest.dropFirst(digits)
            return part.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
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

        var nanoseconds: Int32 = 0
        if mark(".") {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { return nil }
            var weight: Int32 = 100_000_000
            for digit in digits.prefix(9) {
                nanoseconds += Int32(digit - 0x30) * weight
                weight /= 10
            }
            rest = rest.dropFirst(digits.count)
        }

        var offset: Int64 = 0
        if !mark("Zz") {
            let sign: Int64 = rest.first == UInt8(ascii: "-") ? -1 : 1
            guard mark("+-"), let hours = number(2), mark(":"), let minutes = number(2), hours < 24, minutes < 60 else {
                return nil
            }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        guard rest.isEmpty else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        self.init(seconds: days * 86400 + hour * 3600 + minute * 60 + second - offset, nanoseconds: nanoseconds)
    }

    /// RFC 3339 with so many fraction digits (0 for Time, 6 for MicroTime, 9 for annotations).
    package func text(fractionDigits: Int = 0) -> String {
        let bounded = min(max(seconds, -62_135_596_800), 253_402_300_799)
        let (days, inDay) = (bounded.floorQuotient(86400), bounded.floorRemainder(86400))
        let (year, month, day) = Self.civil(days: days)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        var text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
        text += "\(padded(inDay / 3600, 2)):\(padded(inDay / 60 % 60, 2)):\(padded(inDay % 60, 2))"
        if fractionDigits > 0 {
            text += "." + padded(Int64(max(0, nanoseconds)), 9).prefix(fractionDigits)
        }
        return text + "Z"
    }

    // The proleptic Gregorian calendar counted in 400-year eras from 1 March, so that leap days end a year.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.floorQuotient(400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = shifted.floorQuotient(146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func floorQuotient(_ divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : (self + 1) / divisor - 1
    }
    fileprivate func floorRemainder(_ divisor: Int64) -> Int64 { self - floorQuotient(divisor) * divisor }
}
