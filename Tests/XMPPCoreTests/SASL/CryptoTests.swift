// SPDX-License-Identifier: Apache-2.0
// Hashes, key derivation, Base 64 and SASLprep against published vectors and vectors from an implementation that does
// not use OpenSSL.

import Testing

@testable import XMPPCore

@Suite struct CryptoTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    static let derivations: [(HashFunction, Int, String)] = [
        // RFC 6070
        (.sha1, 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        (.sha1, 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (.sha224, 1, "3c198cbdb9464b7857966bd05b7bc92bc1cc4e6e63155d4e490557fd"),
        (.sha224, 4096, "218c453bf90635bd0a21a75d172703ff6108ef603f65bb821aedade1"),
        (.sha256, 1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"),
        (.sha256, 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"),
        (
            .sha384, 1,
            "c0e14f06e49e32d73f9f52ddf1d0c5c7191609233631dadd76a567db42b78676b38fc800cc53ddb642f5c74442e62be4"
        ),
        (
            .sha384, 4096,
            "559726be38db125bc85ed7895f6e3cf574c7a01c080c3447db1e8a76764deb3c307b94853fbe424f6488c5f4f1289626"
        ),
        (
            .sha512, 1,
            "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
                + "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce"
        ),
        (
            .sha512, 4096,
            "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
                + "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5"
        ),
    ]

    @Test(arguments: derivations) func pbkdf2(hash: HashFunction, iterationCount: Int, expected: String) throws {
        let derived = try Crypto.pbkdf2(
            password: bytes("password"), salt: bytes("salt"), iterationCount: iterationCount, using: hash)
        #expect(hex(derived) == expected)
    }

    /// Passwords and salts around the block sizes; the SHA-1 of the five results, one after the other.
    static let lengths: [(HashFunction, String)] = [
        (.sha1, "dc976daabf70902322006498570953507f99cd8d"),
        (.sha224, "673cbab12ea7b55485291908d0d612747da8f293"),
        (.sha256, "e4cc1f345394721a3003599753af6de1a95ffe51"),
        (.sha384, "fcc4abff6bb16c10fc745db6a152414bda1d97e9"),
        (.sha512, "923cf1cf3a3daa5af0e6be12c2bc0653d03604d3"),
    ]

    @Test(arguments: lengths) func pbkdf2OfEveryLength(hash: HashFunction, expected: String) throws {
        var all: [UInt8] = []
        for count in [0, 64, 65, 128, 129] {
            all += try Crypto.pbkdf2(
                password: Array(repeating: UInt8(ascii: "x"), count: count),
                salt: Array(repeating: UInt8(ascii: "s"), count: count), iterationCount: 3, using: hash)
        }
        #expect(hex(try Crypto.digest(all, using: .sha1)) == expected)
    }

    @Test(arguments: [0, -1, Int.max]) func pbkdf2RefusesImpossibleIterations(count: Int) {
        #expect(throws: CryptoError.pbkdf2Failed(.sha1)) {
            try Crypto.pbkdf2(password: [], salt: [], iterationCount: count, using: .sha1)
        }
    }

    @Test func digestAndHMAC() throws {
        #expect(hex(try Crypto.digest(bytes("abc"), using: .sha1)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex(try Crypto.digest([], using: .sha1)) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        // RFC 4231 section 4.3
        #expect(
            hex(try Crypto.hmac(key: bytes("Jefe"), message: bytes("what do ya want for nothing?"), using: .sha256))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(hex(try Crypto.hmac(key: [], message: [], using: .sha1)) == "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d")
    }

    @Test func comparisonAndRandomBytes() throws {
        #expect(Crypto.isEqualInConstantTime([], []))
        #expect(Crypto.isEqualInConstantTime([1, 2], [1, 2]))
        #expect(!Crypto.isEqualInConstantTime([1, 2], [1, 3]))
        #expect(!Crypto.isEqualInConstantTime([1, 2], [1, 2, 3]))
        #expect(try Crypto.randomBytes(count: 0).isEmpty)
        #expect(try Crypto.randomBytes(count: 32) != Crypto.randomBytes(count: 32))
        #expect(try Crypto.randomBytes(count: Crypto.randomByteCountMax).count == Crypto.randomByteCountMax)
        for count in [-1, Crypto.randomByteCountMax + 1] {
            #expect(throws: CryptoError.randomSourceFailed) { try Crypto.randomBytes(count: count) }
        }
    }

    @Test func base64() {
        // RFC 4648 section 10
        let table = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
        for (plain, encoded) in table {
            #expect(Base64.encodeToString(bytes(plain)) == encoded)
            #expect(Base64.decode(encoded.utf8) == bytes(plain))
        }
        let all = (0...255).map(UInt8.init)
        #expect(Base64.decode(Base64.encode(all)) == all)
        let malformed = [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=Zm9", "Z=m9", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9-", "====",
            "Zm8=Zm8=", "\u{E9}g==",
        ]
        for text in malformed { #expect(Base64.decode(text.utf8) == nil, "\(text)") }
    }

    @Test func saslprep() {
        // RFC 4013 section 3, and the bounds.
        let table: [(String, String?)] = [
            ("I\u{AD}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{AA}", "a"), ("\u{2168}", "IX"), ("", ""),
            ("\u{7}", nil), ("\u{627}1", nil), ("a\0b", nil), ("\u{7F}", nil), ("a\u{A0}b", "a b"), ("\u{E9}\0", nil),
            (
                "\u{FDFA}",
                "\u{635}\u{644}\u{649} \u{627}\u{644}\u{644}\u{647} \u{639}\u{644}\u{64A}\u{647} "
                    + "\u{648}\u{633}\u{644}\u{645}"
            ),
            (String(repeating: "x", count: 4_096), String(repeating: "x", count: 4_096)),
            (String(repeating: "x", count: 4_097), nil),
            (String(repeating: "\u{FDFA}", count: 500), nil),
            ("p\u{1F600}", "p\u{1F600}"),
        ]
        for (text, prepared) in table {
            #expect(SASLprep.prepare(text) == prepared.map(bytes), "\(text.prefix(20))")
        }
        #expect(SASLprep.prepare([0xC3]) == nil)
        #expect(SASLprep.prepare([0xED, 0xA0, 0x80]) == nil)
    }
}
