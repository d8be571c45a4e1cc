// SPDX-License-Identifier: Apache-2.0
// Dates as XMPP writes them (XEP-0082).

/// A date and time of day, to the microsecond.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Since 1970-01-01 00:00:00 UTC.
    public var microseconds: Int64

    /// From microseconds since 1970-01-01 00:00:00 UTC.
    public init(microseconds: Int64) { self.microseconds = microseconds }
    /// From seconds since 1970-01-01 00:00:00 UTC. Beyond some 290,000 years the result wraps around.
    public init(seconds: Int64) { microseconds = seconds.multipliedReportingOverflow(by: 1_000_000).partialValue }

    /// Whole seconds since 1970-01-01 00:00:00 UTC.
    public var seconds: Int64 { microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000 }

    /// Whether `left` is earlier.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }
    /// The time that is so much later, cut to whole microseconds.
    public static func + (time: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let added = seconds.multipliedReportingOverflow(by: 1_000_000).partialValue &+ attoseconds / 1_000_000_000_000
        return Timestamp(microseconds: time.microseconds &+ added)
    }

    /// How long after `earlier` this is.
    public func since(_ earlier: Timestamp) -> Duration { .microseconds(microseconds &- earlier.microseconds) }

    /// The form of XEP-0082 section 3.2 in UTC, to the second: `2002-09-10T23:08:25Z`.
    public var dateTime: String { "\(date)T\(timeOfDay)Z" }

    /// The form of XEP-0082 section 3.2 in UTC, to the microsecond.
    public var preciseDateTime: String {
        let fraction = String(microseconds - seconds * 1_000_000)
        return "\(date)T\(timeOfDay).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)Z"
    }

    private var date: String {
        let (year, month, day) = Self.civil(daysSinceEpoch: (seconds - secondOfDay) / 86_400)
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
    }

    private var timeOfDay: String {
        let second = secondOfDay
        return "\(Self.padded(second / 3600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))"
    }

    private var secondOfDay: Int64 {
        let rest = seconds % 86_400
        return rest < 0 ? rest + 86_400 : rest
    }

    private static func padded(_ number: Int64, _ digitCount: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, digitCount - digits.count)) + digits
    }

    /// Days since 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so that the leap day is
    /// the last of a year; 400 years have 146,097 days.
    private static func civil(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = daysSinceEpoch + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Timestamp {
    /// The longest date and time that is read, in bytes.
    private static let textByteCountMax = 64

    /// Reads a date and time of day of XEP-0082 section 3.2, with any fraction of a second and any offset from UTC. What
    /// is smaller than a microsecond is cut off; a leap second is the first of the next minute. Nil for anything else,
    /// and for what is before the year 1 or after 9999.
    public init?(dateTime text: String) {
        var text = Substring(text)
        guard text.utf8.count <= Self.textByteCountMax,
            let year = Self.digits(4, 1...9999, &text), Self.take("-", &text),
            let month = Self.digits(2, 1...12, &text), Self.take("-", &text),
            let day = Self.digits(2, 1...Self.dayCount(of: month, in: year), &text), Self.take("T", &text),
            let hour = Self.digits(2, 0...23, &text), Self.take(":", &text),
            let minute = Self.digits(2, 0...59, &text), Self.take(":", &text),
            let second = Self.digits(2, 0...60, &text), let fraction = Self.fraction(&text),
            let offset = Self.offset(&text), text.isEmpty
        else { return nil }
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
        self.init(microseconds: seconds * 1_000_000 + fraction)
    }

    private static func take(_ character: Character, _ text: inout Substring) -> Bool {
        guard text.first == character else { return false }
        text.removeFirst()
        return true
    }

    private static func digits(_ count: Int, _ range: ClosedRange<Int64>, _ text: inout Substring) -> Int64? {
        let digits = text.prefix(count)
        guard digits.utf8.count == count, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(digits), range.contains(number)
        else { return nil }
        text.removeFirst(count)
        return number
    }

    /// Microseconds; 0 when there is no fraction.
    private static func fraction(_ text: inout Substring) -> Int64? {
        guard take(".", &text) else { return 0 }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else { return nil }
        text.removeFirst(digits.count)
        let six = digits.prefix(6)
        return Int64(six + String(repeating: "0", count: 6 - six.count))
    }

    /// Minutes by which the time is ahead of UTC.
    private static func offset(_ text: inout Substring) -> Int64? {
        if take("Z", &text) { return 0 }
        let sign: Int64 = text.first == "-" ? -1 : 1
        guard take("+", &text) || take("-", &text), let hours = digits(2, 0...23, &text), take(":", &text),
            let minutes = digits(2, 0...59, &text)
        else { return nil }
        return sign * (hours * 60 + minutes)
    }

    private static func dayCount(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        default: 31
        }
    }

    /// The inverse of ``civil(daysSinceEpoch:)``, for years from 1 on.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let yearFromMarch = month > 2 ? year : year - 1
        let era = yearFromMarch / 400
        let yearOfEra = yearFromMarch - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
