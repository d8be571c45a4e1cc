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
