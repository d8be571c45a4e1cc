// SPDX-License-Identifier: Apache-2.0
// Dates and times as clients write them (XEP-0082).

import Testing
import XMPPCore

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1969-07-21T02:56:15Z", -14_159_025_000_000), ("1970-01-01T00:00:00Z", 0),
        ("1969-07-20T21:56:15-05:00", -14_159_025_000_000), ("2000-02-29T23:59:59Z", 951_868_799_000_000),
        ("2010-06-07T00:00:00Z", 1_275_868_800_000_000), ("2026-11-26T12:00:00.5Z", 1_795_694_400_500_000),
        ("2026-11-26T12:00:00.123456789Z", 1_795_694_400_123_456), ("2026-11-26T13:30:00+01:30", 1_795_694_400_000_000),
        ("1999-12-31T23:59:60Z", 946_684_800_000_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
    ])
    func datesAreRead(_ text: String, _ microseconds: Int64) {
        #expect(Timestamp(dateTime: text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "2010-06-07", "2010-06-07T00:00:00", "2010-06-07 00:00:00Z", "2010-13-07T00:00:00Z", "2010-02-29T00:00:00Z",
        "2010-06-31T00:00:00Z", "0000-01-01T00:00:00Z", "2010-06-07T24:00:00Z", "2010-06-07T00:60:00Z",
        "2010-06-07T00:00:61Z", "2010-06-07T00:00:00.Z", "2010-06-07T00:00:00,5Z", "2010-06-07T00:00:00z",
        "2010-06-07T00:00:00+1:00", "2010-06-07T00:00:00Z ", "-010-06-07T00:00:00Z", "+2010-06-07T00:00:00Z",
        "20100607T00:00:00", "2010-06-07T00:00:00.\u{661}Z", "\u{FF12}010-06-07T00:00:00Z",
        "2010-06-07T00:00:00." + String(repeating: "1", count: 100) + "Z",
    ])
    func othersAreNone(_ text: String) { #expect(Timestamp(dateTime: text) == nil) }

    @Test func everyDayIsReadAsItIsWritten() {
        for day in stride(from: Int64(-719_162), to: 2_932_896, by: 97) {
            let time = Timestamp(microseconds: day * 86_400_000_000 + 12_345_678)
            #expect(Timestamp(dateTime: time.preciseDateTime) == time)
        }
    }
}
