// SPDX-License-Identifier: Apache-2.0

import Testing
import XMPPCore

@Suite struct ArchivedMessageTests {
    @Test func namesAreBase32() throws {
        let id = try #require(ArchiveID(446_673_024_000_000_007))
        #expect(ArchiveID(id.text) == id)
        #expect(try #require(ArchiveID(0)).text == "0")
        #expect(ArchiveID(Int64.max)?.text == "7VVVVVVVVVVVV")
        #expect(ArchiveID("7VVVVVVVVVVVV")?.number == .max)
    }

    @Test(arguments: [
        "", "-1", "+1", "01", "00", "a", "W", "8000000000000", "VVVVVVVVVVVVV", " 1", "1 ", "28482-98726-73623",
        "\u{FF11}", String(repeating: "1", count: 100_000),
    ])
    func otherNamesAreNone(_ text: String) { #expect(ArchiveID(text) == nil) }

    @Test func namesHaveTheirTime() throws {
        let time = Timestamp(microseconds: 1_700_000_000_123_456)
        #expect(ArchiveID.first(at: time).time == time)
        #expect(ArchiveID.last(at: time).time == time)
        #expect(ArchiveID.last(at: time).number - ArchiveID.first(at: time).number == 255)
        let before = ArchiveID.last(at: Timestamp(microseconds: time.microseconds - 1))
        #expect(before < ArchiveID.first(at: time))
    }

    @Test(arguments: [Int64.min, -1, 0, .max]) func anyTimeHasANearestName(_ microseconds: Int64) {
        let time = Timestamp(microseconds: microseconds)
        #expect(ArchiveID.range.contains(.first(at: time)))
        #expect(ArchiveID.range.contains(.last(at: time)))
    }

    @Test(arguments: [
        ("Hail to thee!", ["hail", "to", "thee"]), ("", []), (" \n-- ", []), ("don't", ["don", "t"]),
        ("O'Brien 42nd", ["o", "brien", "42nd"]), ("\u{C9}t\u{E9}", ["\u{E9}t\u{E9}"]),
        ("e\u{301}a", ["e\u{301}a"]),
        ("\u{6F22}\u{5B57}\u{3002}\u{304B}\u{306A}", ["\u{6F22}\u{5B57}", "\u{304B}\u{306A}"]),
        ("\u{5E9}\u{5DC}\u{5D5}\u{5DD} x", ["\u{5E9}\u{5DC}\u{5D5}\u{5DD}", "x"]), ("a%b_c", ["a", "b", "c"]),
        ("\u{1F600}", []), (String(repeating: "a", count: 100), [String(repeating: "a", count: 64)]),
    ])
    func textsHaveWords(_ text: String, _ words: [String]) {
        #expect(SearchText.words(of: text) == words)
        #expect(SearchText.stored(text) == (words.isEmpty ? nil : words.joined(separator: " ")))
    }

    /// What is fast for some texts is the same for all.
    @Test func textsOfAnyCharactersAreTreatedAlike() {
        var numbers = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let text = String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 0...200, using: &numbers)).compactMap { _ in
                        Unicode.Scalar(UInt32.random(in: 0..<0x80, using: &numbers) >> UInt32.random(in: 0...1))
                    }))
            let words = SearchText.words(of: text)
            #expect(SearchText.stored(text) == (words.isEmpty ? nil : words.joined(separator: " ")))
        }
    }

    @Test func queriesHaveFewWords() {
        #expect(SearchText.query("a b a") == ["a", "b"])
        let many = (0..<100).map { "w\($0)" }.joined(separator: " ")
        #expect(SearchText.query(many).count == SearchText.queryWordCountMax)
    }
}
