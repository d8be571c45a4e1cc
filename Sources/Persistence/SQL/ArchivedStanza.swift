// SPDX-License-Identifier: Apache-2.0
// What the column of an archived message holds: XML, or an element as one of Erlang's terms, which is what MongooseIM
// writes by default, and compresses where that makes it shorter.
//
// An element is `{xmlel, Name, Attributes, Children}`: the name with its prefix, the attributes a list of pairs or, in
// later versions, a map. Text is `{xmlcdata, Text}`, in later versions with `escaped` or `cdata` behind it.

import XMPPCore

/// The stanza of an archived message.
enum ArchivedStanza {
    /// The stanza of a column, as XML.
    ///
    /// - Throws: ``StorageError/corrupt(detail:)`` for a term that is no element.
    static func xml(of column: [UInt8]) throws(StorageError) -> [UInt8] {
        guard column.first == ErlangTerm.version else { return column }
        let term: ErlangTerm
        do throws(ErlangTermError) { term = try ErlangTerm(column) } catch {
            throw .corrupt(detail: "a message is no term that is read: \(error)")
        }
        var writer = TermWriter()
        // The parser has the last word: on names, on characters, on prefixes, on how deeply elements are nested.
        guard writer.write(element: term), let element = Element(parsing: writer.xml) else {
            throw .corrupt(detail: "a message is a term that is no element")
        }
        return Array(element.xml.utf8)
    }
}

/// Writes terms as XML. Its functions return false for what is no element, attribute or text.
private struct TermWriter {
    private(set) var xml: [UInt8] = []

    mutating func write(element term: ErlangTerm) -> Bool {
        guard case .tuple(let parts) = term, parts.count == 4, parts[0] == .atom(Array("xmlel".utf8)),
            let name = Self.text(parts[1]), Self.isName(name), case .list(let children) = parts[3]
        else { return false }
        append("<")
        xml += name
        switch parts[2] {
        case .list(let attributes):
            for attribute in attributes {
                guard case .tuple(let pair) = attribute, pair.count == 2, write(attribute: pair[0], pair[1]) else {
                    return false
                }
            }
        case .map(let attributes):
            for (key, value) in attributes where !write(attribute: key, value) { return false }
        default: return false
        }
        append(">")
        for child in children where !write(child: child) { return false }
        append("</")
        xml += name
        append(">")
        return true
    }

    private mutating func write(child term: ErlangTerm) -> Bool {
        guard case .tuple(let parts) = term, parts.first == .atom(Array("xmlcdata".utf8)) else {
            return write(element: term)
        }
        guard parts.count == 2 || parts.count == 3, let text = Self.text(parts[1]) else { return false }
        append(escaped: text)
        return true
    }

    private mutating func write(attribute name: ErlangTerm, _ value: ErlangTerm) -> Bool {
        guard let name = Self.text(name), Self.isName(name), let value = Self.text(value) else { return false }
        append(" ")
        xml += name
        append("='")
        append(escaped: value)
        append("'")
        return true
    }

    /// Bytes, or a list of bytes, of numbers below 256 and of such lists.
    private static func text(_ term: ErlangTerm) -> [UInt8]? {
        switch term {
        case .binary(let bytes): return bytes
        case .list(let terms):
            var text: [UInt8] = []
            for term in terms {
                if case .integer(let number) = term {
                    guard let byte = UInt8(exactly: number) else { return nil }
                    text.append(byte)
                } else {
                    guard let part = Self.text(term) else { return nil }
                    text += part
                }
            }
            return text
        case .atom, .integer, .tuple, .map: return nil
        }
    }

    /// Whether a name stays one where it stands; the parser knows the rest.
    private static func isName(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.allSatisfy { $0 > 0x20 && !"<>&'\"/=".utf8.contains($0) }
    }

    private mutating func append(_ text: StaticString) { text.withUTF8Buffer { xml.append(contentsOf: $0) } }

    private mutating func append(escaped text: [UInt8]) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "<"): append("&lt;")
            case UInt8(ascii: ">"): append("&gt;")
            case UInt8(ascii: "&"): append("&amp;")
            case UInt8(ascii: "'"): append("&apos;")
            // The parser would make other white space of them.
            case 0x09: append("&#9;")
            case 0x0A: append("&#10;")
            case 0x0D: append("&#13;")
            default: xml.append(byte)
            }
        }
    }
}
