// SPDX-License-Identifier: Apache-2.0
// Finds the line of every key and element of a TOML 1.0 document, because TOMLKit tells the line of a syntax error but not
// of a value. It reads documents that a parser has accepted already: on any other it ends early, and never traps.

/// Where the keys and elements of a TOML document were written: a tree that has the shape of the document.
final class TOMLLines {
    /// The line of the key, of the element, or of the first header that names this table; counted from 1.
    fileprivate(set) var line: Int
    /// The keys of a table in the order in which they first occur.
    fileprivate(set) var keys: [String] = []
    fileprivate(set) var children: [String: TOMLLines] = [:]
    /// The elements of an array.
    fileprivate(set) var elements: [TOMLLines] = []
    /// Whether only a header of a table inside it has named this table so far.
    fileprivate var isImplied = false

    fileprivate init(line: Int) {
        self.line = line
    }

    fileprivate func child(_ key: String, line: Int, implied: Bool = false) -> TOMLLines {
        if let child = children[key] {
            if child.isImplied, !implied { (child.line, child.isImplied) = (line, false) }
            return child
        }
        let child = TOMLLines(line: line)
        child.isImplied = implied
        keys.append(key)
        children[key] = child
        return child
    }
}

/// Scans a document for ``TOMLLines``.
struct TOMLLineFinder {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The lines of everything in `document`, which a TOML parser has accepted.
    static func lines(of document: String) -> TOMLLines {
        var finder = TOMLLineFinder(Array(document.utf8))
        let root = TOMLLines(line: 1)
        // A byte order mark is no part of the first key.
        if finder.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { finder.position = 3 }
        finder.scanDocument(into: root)
        return root
    }

    // MARK: Statements

    private mutating func scanDocument(into root: TOMLLines) {
        var table = root
        skipBlank()
        while let byte = peek() {
            let start = position
            if byte == UInt8(ascii: "[") {
                table = scanHeader(root)
            } else {
                scanPair(into: table)
            }
            skipBlank()
            // Only what is not TOML leaves the position where it was.
            if position == start { return }
        }
    }

    /// `[a.b]` or `[[a.b]]`; returns the table that the pairs below it belong to.
    private mutating func scanHeader(_ root: TOMLLines) -> TOMLLines {
        let headerLine = line
        position += 1
        let isElement = peek() == UInt8(ascii: "[")
        if isElement { position += 1 }
        let path = scanKeyPath()
        while let byte = peek(), byte == UInt8(ascii: "]") { position += 1 }
        var table = root
        for key in path.dropLast() {
            table = table.child(key, line: headerLine, implied: true)
            table = table.elements.last ?? table
        }
        guard let last = path.last else { return table }
        let named = table.child(last, line: headerLine)
        guard isElement else { return named.elements.last ?? named }
        let element = TOMLLines(line: headerLine)
        named.elements.append(element)
        return element
    }

    /// `a.b = value`.
    private mutating func scanPair(into table: TOMLLines) {
        let keyLine = line
        let path = scanKeyPath()
        skipSpace()
        guard peek() == UInt8(ascii: "="), let last = path.last else { return }
        position += 1
        skipSpace()
        var table = table
        for key in path.dropLast() { table = table.child(key, line: keyLine) }
        scanValue(into: table.child(last, line: keyLine))
    }

    private mutating func scanKeyPath() -> [String] {
        var path: [String] = []
        while true {
            skipSpace()
            switch peek() {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): path.append(scanString())
            default: path.append(scanBareKey())
            }
            skipSpace()
            guard peek() == UInt8(ascii: ".") else { return path }
            position += 1
        }
    }

    private mutating func scanBareKey() -> String {
        let start = position
        while let byte = peek(), !Self.endsBareKey(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private static func endsBareKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "."),
            UInt8(ascii: "="), UInt8(ascii: "]"), UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "'"):
            true
        default: false
        }
    }

    // MARK: Values

    /// The parser that accepted the document bounds how deeply values nest, and with it the recursion here.
    private mutating func scanValue(into node: TOMLLines) {
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString()
        case UInt8(ascii: "["): scanArray(into: node)
        case UInt8(ascii: "{"): scanInlineTable(into: node)
        default: skipScalar()
        }
    }

    private mutating func scanArray(into node: TOMLLines) {
        position += 1
        skipBlank()
        while let byte = peek(), byte != UInt8(ascii: "]") {
            let start = position
            let element = TOMLLines(line: line)
            node.elements.append(element)
            scanValue(into: element)
            skipBlank()
            if peek() == UInt8(ascii: ",") { position += 1 }
            skipBlank()
            if position == start { return }
        }
        position += 1
    }

    private mutating func scanInlineTable(into node: TOMLLines) {
        position += 1
        skipBlank()
        while let byte = peek(), byte != UInt8(ascii: "}") {
            let start = position
            scanPair(into: node)
            skipBlank()
            if peek() == UInt8(ascii: ",") { position += 1 }
            skipBlank()
            if position == start { return }
        }
        position += 1
    }

    /// Numbers, booleans and dates, which may have a space inside: all up to what can follow a value.
    private mutating func skipScalar() {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "#"), UInt8(ascii: "\n"): return
            default: position += 1
            }
        }
    }

    private mutating func skipString() {
        guard let quote = peek() else { return }
        let isLong = peek(1) == quote && peek(2) == quote
        position += isLong ? 3 : 1
        let isBasic = quote == UInt8(ascii: "\"")
        while let byte = peek() {
            if byte == UInt8(ascii: "\\"), isBasic {
                position += 1
                // A line feed after a backslash is counted by the next turn.
                if peek() != UInt8(ascii: "\n") { position += 1 }
            } else if byte == quote, isLong {
                // A long string may end with up to two quotes of its own before the three that close it.
                let run = quoteRun(quote)
                position += run
                if run >= 3 { return }
            } else if byte == quote {
                position += 1
                return
            } else {
                if byte == UInt8(ascii: "\n") { line += 1 }
                position += 1
            }
        }
    }

    private func quoteRun(_ quote: UInt8) -> Int {
        var count = 0
        while count < 5, peek(count) == quote { count += 1 }
        return count
    }

    /// The text of a quoted key, which never spans lines.
    private mutating func scanString() -> String {
        let isBasic = peek() == UInt8(ascii: "\"")
        let start = position + 1
        skipString()
        let end = max(start, min(position - 1, bytes.count))
        let raw = String(decoding: bytes[min(start, end)..<end], as: UTF8.self)
        return isBasic ? Self.unescaped(raw) : raw
    }

    private static func unescaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let escape = rest.popFirst() else {
                result.append(scalar)
                continue
            }
            switch escape {
            case "b": result.append("\u{8}")
            case "t": result.append("\t")
            case "n": result.append("\n")
            case "f": result.append("\u{C}")
            case "r": result.append("\r")
            case "u", "U":
                let digits = rest.prefix(escape == "u" ? 4 : 8)
                rest = rest.dropFirst(digits.count)
                let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16)
                result.append(value.flatMap(Unicode.Scalar.init) ?? "\u{FFFD}")
            default: result.append(escape)
            }
        }
        return String(result)
    }

    // MARK: Bytes

    private func peek(_ offset: Int = 0) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { position += 1 }
    }

    /// White space, ends of lines and comments.
    private mutating func skipBlank() {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                position += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                position += 1
            case UInt8(ascii: "#"):
                while let byte = peek(), byte != UInt8(ascii: "\n") { position += 1 }
            default: return
            }
        }
    }
}
