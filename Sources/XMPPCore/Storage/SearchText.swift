// SPDX-License-Identifier: Apache-2.0
// The words by which messages are found: the same for every backend, because they are made here.

/// The words of a text: runs of letters, digits and the marks that belong to them, in lower case. A word is found by
/// itself only, not by a part of it.
public enum SearchText {
    /// Most words that a query may have; those beyond are left out.
    public static let queryWordCountMax = 16
    /// The longest word in bytes of UTF-8; longer ones are cut, in texts and in queries alike.
    public static let wordByteCountMax = 64

    /// The words in their order.
    public static func words(of text: String) -> [String] {
        var words: [String] = []
        var word = ""
        func end() {
            if !word.isEmpty { words.append(word) }
            word = ""
        }
        for scalar in text.lowercased().unicodeScalars {
            guard isPart(scalar) else {
                end()
                continue
            }
            if word.utf8.count + UTF8.width(scalar) <= wordByteCountMax { word.unicodeScalars.append(scalar) }
        }
        end()
        return words
    }

    /// What a store keeps of a text: its words with a space between; nil when it has none. MongooseIM's column
    /// `search_body` has the same form.
    public static func stored(_ text: String) -> String? {
        var text = text
        if let stored = text.withUTF8({ stored(ascii: $0) }) { return stored.isEmpty ? nil : stored }
        let words = words(of: text)
        return words.isEmpty ? nil : words.joined(separator: " ")
    }

    /// The same for a text without other characters; nil for one with any. Every message that is archived goes through
    /// this, and most through nothing else.
    private static func stored(ascii text: UnsafeBufferPointer<UInt8>) -> String? {
        guard text.allSatisfy({ $0 < 0x80 }) else { return nil }
        return String(unsafeUninitializedCapacity: text.count) { stored in
            var count = 0
            var wordByteCount = 0
            for byte in text {
                // Letters in lower case; digits have that bit anyway.
                let lower = byte | 0x20
                guard (0x61...0x7A).contains(lower) || (0x30...0x39).contains(byte) else {
                    wordByteCount = 0
                    continue
                }
                guard wordByteCount < wordByteCountMax else { continue }
                if wordByteCount == 0, count > 0 {
                    stored[count] = 0x20
                    count += 1
                }
                stored[count] = lower
                count += 1
                wordByteCount += 1
            }
            return count
        }
    }

    /// The words that a query looks for, each once.
    public static func query(_ text: String) -> [String] {
        var seen: Set<[UInt8]> = []
        return Array(words(of: text).filter { seen.insert(Array($0.utf8)).inserted }.prefix(queryWordCountMax))
    }

    private static func isPart(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
            .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber:
            return true
        default:
            return false
        }
    }
}

extension UTF8 {
    fileprivate static func width(_ scalar: Unicode.Scalar) -> Int { UTF8.encode(scalar)?.count ?? 0 }
}
