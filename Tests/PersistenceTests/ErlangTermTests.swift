// SPDX-License-Identifier: Apache-2.0
// Erlang's terms: those of archived messages, byte by byte as the external format is documented, and those that are none.

import Testing
import XMPPCore

@testable import XMPPPersistenceSQL

/// Columns of archived messages.
enum ArchivedColumns {
    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).compactMap { UInt8(String(decoding: [$0], as: UTF8.self), radix: 16) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// A message of MongooseIM 6.3 and later: attributes are a map, and text has its style.
    static let later = bytes(
        """
        8368047705786d6c656c6d000000076d65737361676574000000046d0000000466726f6d6d0000001e726f6d656f406d6f6e74616775652e\
        6578616d706c652f6f7263686172646d00000002746f6d000000166a756c69657440636170756c65742e6578616d706c656d000000047479\
        70656d00000004636861746d0000000269646d0000000261316c0000000268047705786d6c656c6d00000004626f647974000000006c0000\
        000168037708786d6c63646174616d000000234172742074686f75206e6f7420526f6d656f2c20262061203c4d6f6e74616775653e3f7707\
        657363617065646a68047705786d6c656c6d0000000661637469766574000000016d00000005786d6c6e736d00000025687474703a2f2f6a\
        61626265722e6f72672f70726f746f636f6c2f636861747374617465736a6a
        """
    )
    /// The same of an earlier one: attributes are a list, atoms are of the old kind.
    static let earlier = bytes(
        """
        836804640005786d6c656c6d000000076d6573736167656c0000000468026d0000000466726f6d6d0000001e726f6d656f406d6f6e746167\
        75652e6578616d706c652f6f72636861726468026d00000002746f6d000000166a756c69657440636170756c65742e6578616d706c656802\
        6d00000004747970656d000000046368617468026d0000000269646d0000000261316a6c000000026804640005786d6c656c6d0000000462\
        6f64796a6c000000016802640008786d6c63646174616d000000234172742074686f75206e6f7420526f6d656f2c20262061203c4d6f6e74\
        616775653e3f6a6804640005786d6c656c6d000000066163746976656c0000000168026d00000005786d6c6e736d00000025687474703a2f\
        2f6a61626265722e6f72672f70726f746f636f6c2f636861747374617465736a6a6a
        """
    )
    static let text =
        "<message xmlns='jabber:client' from='romeo@montague.example/orchard' to='juliet@capulet.example' type='chat' "
        + "id='a1'><body>Art thou not Romeo, &amp; a &lt;Montague&gt;?</body>"
        + "<active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    /// "Romeo" forty times, compressed.
    static let compressed = bytes(
        """
        835000000159789ccb602967adc8cd49cdc965606060cf4d2d2e4e4c4f2d01b21941022c259505a96046724662490e48380359034b527e4a\
        25483503448eb99c0328979c9258920892fe10949f9b9aaf3072c872f6d4e2e4c482d494ac2c0000cc70a0
        """
    )
    static let earlierCompressed = bytes(
        """
        835000000152789ccb60496160adc8cd49cdc965606060cf4d2d2e4e4c4fcd01b219339840422c259505a960467246624916440645134b52\
        7e4a2554822985810328919c9258920892fb10949f9b9aaf3072c8ac2c00b0ba6dd5
        """
    )
    static let compressedText =
        "<message xmlns='jabber:client' type='chat'><body>\(String(repeating: "Romeo ", count: 40))</body></message>"
}

@Suite struct ErlangTermTests {
    @Test(arguments: [
        (ArchivedColumns.later, ArchivedColumns.text), (ArchivedColumns.earlier, ArchivedColumns.text),
        (ArchivedColumns.compressed, ArchivedColumns.compressedText),
        (ArchivedColumns.earlierCompressed, ArchivedColumns.compressedText),
        (Array("<message xmlns='jabber:client'/>".utf8), "<message xmlns='jabber:client'/>"),
        // Neither is XML, and neither is changed.
        ([], ""), (Array("no XML".utf8), "no XML"),
    ])
    func stanzasAreRead(_ column: [UInt8], _ xml: String) throws {
        #expect(String(decoding: try ArchivedStanza.xml(of: column), as: UTF8.self) == xml)
    }

    @Test func prefixesAreResolvedAndTextsJoined() throws {
        let column = ArchivedColumns.bytes(
            """
            8368047705786d6c656c6d000000076d65737361676574000000026d00000008786d6c3a6c616e676d00000002656e6d00000007786d\
            6c6e733a786d0000000575726e3a786c0000000168047705786d6c656c6d00000003783a7974000000016d00000003783a7a6d000000\
            046127620a6c0000000268037708786d6c63646174616b0002616277076573636170656468037708786d6c63646174616c000000046d\
            00000001636d00000002646561646c000000016d00000001666a6a770563646174616a6a
            """
        )
        let xml = try ArchivedStanza.xml(of: column)
        let element = try #require(Element(parsing: xml))
        #expect(element.isNamed("message", .client))
        #expect(element.xml.contains(" xml:lang='en'"))
        let child = try #require(element.child("y", "urn:x"))
        #expect(child.xml.contains(":z='a&apos;b&#10;'") || child.xml.contains("z='a&apos;b&#xA;'"), "\(child.xml)")
        #expect(child.text == "abcdedf")
    }

    @Test func everyTagIsRead() throws {
        let terms: [(String, ErlangTerm)] = [
            ("83 61 ff", .integer(255)), ("83 62 ffffffff", .integer(-1)), ("83 62 7fffffff", .integer(.max)),
            ("83 64 0001 e9", .atom([0xE9])), ("83 73 00", .atom([])), ("83 76 0002 c3a9", .atom([0xC3, 0xA9])),
            ("83 77 01 61", .atom([0x61])), ("83 68 00", .tuple([])), ("83 69 00000001 6a", .tuple([.list([])])),
            ("83 6a", .list([])), ("83 6b 0002 6101", .list([.integer(97), .integer(1)])),
            ("83 6c 00000001 6a 6a", .list([.list([])])), ("83 6d 00000000", .binary([])),
            ("83 6d 00000002 6162", .binary([0x61, 0x62])),
            ("83 74 00000001 6101 6102", .map([(.integer(1), .integer(2))])),
        ]
        for (hex, term) in terms { #expect(try ErlangTerm(ArchivedColumns.bytes(hex)) == term, "\(hex)") }
    }

    @Test(arguments: [
        ("", ErlangTermError.length), ("83", .length), ("82 6a", .length), ("83 6a 6a", .length), ("83 61", .length),
        ("83 6d 00000003 6162", .length), ("83 6d ffffffff", .length), ("83 6c ffffffff 6a", .length),
        ("83 69 ffffffff", .length), ("83 74 ffffffff 6a", .length), ("83 6c 00000001 6101 6102", .improperList),
        ("83 46 3ff8000000000000", .tag(0x46)), ("83 6e 01 00 01", .tag(0x6E)), ("83 83", .tag(0x83)),
        ("83 50 00000001", .length), ("83 50 ffffffff 00", .tooLarge), ("83 50 00000001 00", .compression),
        ("83 50 00400001 00", .tooLarge),
    ])
    func otherBytesAreNone(_ hex: String, _ error: ErlangTermError) {
        #expect(throws: error) { try ErlangTerm(ArchivedColumns.bytes(hex)) }
    }

    @Test func limitsAreKept() throws {
        func nested(_ depth: Int) -> [UInt8] {
            [131] + Array(repeating: [104, 1], count: depth).flatMap(\.self) + [106]
        }
        #expect(throws: Never.self) { try ErlangTerm(nested(ErlangTerm.depthMax - 1)) }
        #expect(throws: ErlangTermError.tooLarge) { try ErlangTerm(nested(ErlangTerm.depthMax)) }
        #expect(throws: ErlangTermError.tooLarge) { try ErlangTerm(nested(1_000_000)) }
        func list(_ count: Int) -> [UInt8] {
            let bytes = withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
            return [131, 108] + bytes + Array(repeating: 106, count: count + 1)
        }
        #expect(throws: Never.self) { try ErlangTerm(list(ErlangTerm.countMax - 2)) }
        #expect(throws: ErlangTermError.tooLarge) { try ErlangTerm(list(ErlangTerm.countMax - 1)) }
        // Strings are so many numbers.
        let strings =
            [[131, 104, 5]] + Array(repeating: [107, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 0xFFFF), count: 5)
        #expect(throws: ErlangTermError.tooLarge) { try ErlangTerm(strings.flatMap(\.self)) }
    }

    @Test(arguments: [
        "83 6a", "83 68 04 77 05 786d6c656c 6d 00000001 61 6a 61 01", "83 68 03 77 05 786d6c656c 6d 00000001 61 6a",
        "83 68 04 77 05 786d6c656d 6d 00000001 61 6a 6a", "83 68 04 77 05 786d6c656c 6d 00000000 6a 6a",
        // `a><b`, `a b`, and an attribute that is twice there.
        "83 68 04 77 05 786d6c656c 6d 00000004 613e3c62 6a 6a", "83 68 04 77 05 786d6c656c 6d 00000003 612062 6a 6a",
        """
        83 68 04 77 05 786d6c656c 6d 00000001 61 6c 00000002 68 02 6d 00000001 62 6d 00000001 63 \
        68 02 6d 00000001 62 6d 00000001 63 6a 6a
        """,
        // Text with NUL, and text that is no UTF-8.
        "83 68 04 77 05 786d6c656c 6d 00000001 61 6a 6c 00000001 68 02 77 08 786d6c6364617461 6d 00000001 00 6a",
        "83 68 04 77 05 786d6c656c 6d 00000001 61 6a 6c 00000001 68 02 77 08 786d6c6364617461 6d 00000001 ff 6a",
    ])
    func termsThatAreNoElementsAreRefused(_ hex: String) {
        #expect(throws: StorageError.self) { try ArchivedStanza.xml(of: ArchivedColumns.bytes(hex)) }
    }
}

@Suite struct ArchiveAddressFormatTests {
    /// The owner, an address, and what stands for it.
    private static let relative = [
        ("alice@host", "alice@host", ""), ("alice@host", "alice@host/r1", "/r1"), ("alice@host", "bob@host", "bob"),
        ("alice@host", "bob@host/r1", "bob/r1"), ("alice@host", "kate@example", "example:kate"),
        ("alice@host", "kate@example/r1", "example@kate/r1"), ("alice@host", "host", ":"),
        ("alice@host", "host/r1", ":/r1"), ("alice@host", "example", "example:"),
        ("alice@host", "example/r1", "example@/r1"),
        ("host", "host", ":"), ("host", "host/r1", "/r1"), ("host", "bob@host", "bob"),
        ("alice@host", "[a]@host", "[a]"),
        ("alice@host", "bob@[::1]", "[::1]:bob"), ("alice@host", "bob@[::1]/x", "[::1]@bob/x"),
        ("alice@host", "[::1]", "[::1]:"),
        ("alice@[::1]", "bob@[::1]", "bob"), ("alice@[::1]", "[::1]/x", ":/x"), ("alice@host", "[a@host/]:x", "[a/]:x"),
        ("alice@host", "bob@host/a/b@c:d", "bob/a/b@c:d"), ("alice@host", "kate@example//@:", "example@kate//@:"),
    ]

    @Test(arguments: relative)
    func relativeAddressesGoRound(_ owner: String, _ address: String, _ text: String) throws {
        let (owner, address) = (try BareJID(owner), try JID(address))
        #expect(ArchiveAddressFormat.relative.text(of: address, in: owner) == text)
        #expect(try ArchiveAddressFormat.relative.address(text, in: owner) == address)
        for format in [ArchiveAddressFormat.whole, .wholeTrusted] {
            #expect(format.text(of: address, in: owner) == address.description)
            #expect(try format.address(address.description, in: owner) == address)
        }
    }

    @Test func whatIsStoredOtherwiseIsReadOrRefused() throws {
        let alice = try BareJID("alice@host")
        #expect(try ArchiveAddressFormat.relative.address("example@kate", in: alice) == JID("kate@example"))
        for text in ["@", "@/", "/", "a:", ":@", "[:", "]:", "\u{0}", "a:b:c", "a@b"] {
            // Any of them may stand for something; none may trap.
            do throws(JIDError) { _ = try ArchiveAddressFormat.relative.address(text, in: alice) } catch {}
        }
    }

    @Test func namesAreMongooseIMs() {
        #expect(
            ArchiveAddressFormat.allCases.map(\.rawValue) == ["mam_jid_mini", "mam_jid_rfc", "mam_jid_rfc_trust"])
    }
}
