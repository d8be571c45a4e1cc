// SPDX-License-Identifier: Apache-2.0
// Digests by which stores are held against each other: their order does not matter, where a field ends does.

import Testing

@testable import XMPPCore

@Suite struct EntryDigestTests {
    private func digest(_ write: (inout EntryEncoding) -> Void) throws -> EntryDigest {
        var encoding = EntryEncoding()
        write(&encoding)
        return try EntryDigest(encoding)
    }

    private func sum(_ texts: [String]) throws -> EntryDigest {
        var sum = EntryDigest()
        for text in texts { sum += try digest { $0.append(text) } }
        return sum
    }

    @Test func theOrderDoesNotMatter() throws {
        let texts = (0..<100).map { "\($0)" }
        #expect(try sum(texts) == sum(texts.reversed()))
        #expect(try sum(texts) != sum(texts.dropLast()))
        #expect(try sum(["a", "a"]) != sum(["a"]))
        #expect(try sum(["a", "a"]) != sum(["b", "b"]))
        #expect(try sum([]) == EntryDigest())
    }

    @Test func sumsCarryThroughAllParts() throws {
        // 2^256 of one digest are nothing: doubling 256 times loses every bit, and not before.
        var sum = try digest { $0.append("a") }
        for _ in 0..<256 {
            let half = sum
            sum += half
        }
        #expect(sum == EntryDigest())
    }

    @Test func fieldsDoNotRunIntoEachOther() throws {
        let encodings = [
            try digest { $0.append("ab") },
            try digest {
                $0.append("a")
                $0.append("b")
            },
            try digest {
                $0.append("")
                $0.append("ab")
            },
            try digest {
                $0.append("ab")
                $0.append("")
            },
        ]
        #expect(Set(encodings).count == encodings.count)
    }

    @Test func absentIsNoValue() throws {
        let (text, number): (String?, Int64?) = (nil, nil)
        #expect(try digest { $0.append(text) } != digest { $0.append(Optional("")) })
        #expect(try digest { $0.append(number) } != digest { $0.append(Optional(Int64(0))) })
    }

    @Test func theEncodingIsAsItWas() {
        var encoding = EntryEncoding()
        encoding.append("\u{E9}")
        encoding.append(Int64(-2))
        encoding.append(Optional("a"))
        #expect(
            encoding.bytes
                == [0, 0, 0, 0, 0, 0, 0, 2, 0xC3, 0xA9] + [255, 255, 255, 255, 255, 255, 255, 254]
                + [0, 0, 0, 0, 0, 0, 0, 1] + [0, 0, 0, 0, 0, 0, 0, 1, 0x61])
    }
}
