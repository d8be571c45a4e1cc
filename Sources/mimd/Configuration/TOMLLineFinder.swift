// SPDX-License-Identifier: Apache-2.0
// Finds the line of every key and element of a TOML 1.0 document, because TOMLKit tells the line of a syntax error but
// not of a value; and refuses a document whose structure is wrong, because the parser inside TOMLKit 0.6.0 aborts the
// process on some of those (`[.a]`, `a = [,]`, `a = 1979-05-27 1`). Not judged here, but by TOMLKit: numbers, most of
// dates, escapes, keys defined twice.

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
    /// How deeply arrays and inline tables may nest, and how many parts a dotted key may have.
    static let depthMax = 64

    /// What is wrong with the structure of a document.
    struct Problem: Error, Equatable {
        var line: Int
        var message: String
    }

    /// TOMLKit hands C strings about, which a NUL would end.
    private static let nulMessage = "the character NUL is not allowed"

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var depth = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The lines of everything in `document`.
    /// - Throws: ``Problem`` for the first place where its structure is not that of TOML.
    static func lines(of document: String) throws(Problem) -> TOMLLines {
        var finder = TOMLLineFinder(Array(document.utf8))
        if let end = finder.bytes.firstIndex(of: 0) {
            let line = finder.bytes[..<end].count { $0 == UInt8(ascii: "\n") } + 1
            throw finder.problem(nulMessage, line: line)
        }
        // A byte order mark is no part of the first key.
        if finder.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { finder.position = 3 }
        let root = TOMLLines(line: 1)
        try finder.scanDocument(into: root)
        return root
    }

    private func problem(_ message: String, line: Int? = nil) -> Problem {
        Problem(line: line ?? self.line, message: message)
    }

    /// The next character in words.
    private var found: String {
        switch peek() {
        case nil: "the end of the file"
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"): "the end of the line"
        default: "\(String(decoding: bytes[position...].prefix(4), as: UTF8.self).prefix(1).debugDescription)"
        }
    }

    // MARK: Statements

    private mutating func scanDocument(into root: TOMLLines) throws(Problem) {
        var table = root
        skipBlank()
        while let byte = peek() {
            if byte == UInt8(ascii: "[") {
                table = try scanHeader(root)
            } else {
                try scanPair(into: table)
            }
            skipSpace()
            switch peek() {
            case nil, UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "#"): skipBlank()
            default: throw problem("expected the end of the line, found \(found)")
            }
        }
    }

    /// `[a.b]` or `[[a.b]]`; returns the table that the pairs below it belong to.
    private mutating func scanHeader(_ root: TOMLLines) throws(Problem) -> TOMLLines {
        position += 1
        let isElement = peek() == UInt8(ascii: "[")
        if isElement { position += 1 }
        let path = try scanKeyPath()
        for _ in 0..<(isElement ? 2 : 1) {
            guard peek() == UInt8(ascii: "]") else { throw problem("expected \"]\", found \(found)") }
            position += 1
        }
        var table = root
        for key in path.dropLast() {
            table = table.child(key, line: line, implied: true)
            table = table.elements.last ?? table
        }
        guard let last = path.last else { return table }
        let named = table.child(last, line: line)
        guard isElement else { return named.elements.last ?? named }
        let element = TOMLLines(line: line)
        named.elements.append(element)
        return element
    }

    /// `a.b = value`.
    private mutating func scanPair(into table: TOMLLines) throws(Problem) {
        let keyLine = line
        let path = try scanKeyPath()
        guard peek() == UInt8(ascii: "="), let last = path.last else {
            throw problem("expected \"=\", found \(found)")
        }
        position += 1
        skipSpace()
        var table = table
        for key in path.dropLast() { table = table.child(key, line: keyLine) }
        try scanValue(into: table.child(last, line: keyLine))
    }

    /// `a . "b" . 'c'` with the space around it.
    private mutating func scanKeyPath() throws(Problem) -> [String] {
        var path: [String] = []
        while true {
            skipSpace()
            switch peek() {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): path.append(try scanQuotedKey())
            default: path.append(try scanBareKey())
            }
            skipSpace()
            guard peek() == UInt8(ascii: ".") else { return path }
            guard path.count < Self.depthMax else {
                throw problem("keys of more than \(Self.depthMax) parts are not allowed")
            }
            position += 1
        }
    }

    private mutating func scanBareKey() throws(Problem) -> String {
        let start = position
        while let byte = peek(), Self.isBareKey(byte) { position += 1 }
        guard position > start else { throw problem("expected a key, found \(found)") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private static func isDigit(_ byte: UInt8?) -> Bool {
        byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }

    private static func isBareKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    // MARK: Values

    private mutating func scanValue(into node: TOMLLines) throws(Problem) {
        guard depth < Self.depthMax else {
            throw problem("values nested deeper than \(Self.depthMax) levels are not allowed")
        }
        depth += 1
        defer { depth -= 1 }
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): try skipString()
        case UInt8(ascii: "["): try scanArray(into: node)
        case UInt8(ascii: "{"): try scanInlineTable(into: node)
        default: try skipScalar()
        }
    }

    private mutating func scanArray(into node: TOMLLines) throws(Problem) {
        let firstLine = line
        position += 1
        skipBlank()
        while let byte = peek(), byte != UInt8(ascii: "]") {
            let element = TOMLLines(line: line)
            node.elements.append(element)
            try scanValue(into: element)
            skipBlank()
            if peek() == UInt8(ascii: ",") {
                position += 1
                skipBlank()
            } else if let byte = peek(), byte != UInt8(ascii: "]") {
                throw problem("expected \",\" or \"]\", found \(found)")
            }
        }
        guard peek() != nil else { throw problem("this array is not closed", line: firstLine) }
        position += 1
    }

    private mutating func scanInlineTable(into node: TOMLLines) throws(Problem) {
        position += 1
        skipSpace()
        if peek() == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            try scanPair(into: node)
            skipSpace()
            guard let byte = peek(), byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") else {
                throw problem("expected \",\" or \"}\", found \(found)")
            }
            position += 1
            if byte == UInt8(ascii: "}") { return }
        }
    }

    /// Numbers, booleans and dates, up to what can follow a value. A date may have one space before its time.
    private mutating func skipScalar() throws(Problem) {
        let start = position
        while let byte = peek() {
            let isDate = position - start == 10 && bytes[start + 4] == UInt8(ascii: "-")
            switch byte {
            case UInt8(ascii: " "):
                guard isDate, Self.isDigit(peek(1)) else { return }
                position += 1
                // The parser aborts on an hour of one digit here, and on one without a digit below.
                guard Self.isDigit(peek(1)) else { throw problem("expected a time after the date, found \(found)") }
            case UInt8(ascii: "T"), UInt8(ascii: "t"):
                position += 1
                if isDate, !Self.isDigit(peek()) { throw problem("expected a time after the date, found \(found)") }
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: ":"): position += 1
            case _ where Self.isBareKey(byte): position += 1
            default:
                guard position > start else { throw problem("expected a value, found \(found)") }
                return
            }
        }
        guard position > start else { throw problem("expected a value, found \(found)") }
    }

    private mutating func skipString() throws(Problem) {
        guard let quote = peek() else { return }
        let firstLine = line
        let isLong = peek(1) == quote && peek(2) == quote
        position += isLong ? 3 : 1
        while let byte = peek() {
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                position += 1
                try skipEscape()
            } else if byte == quote, isLong {
                // A long string may end with up to two quotes of its own before the three that close it.
                let run = quoteRun(quote)
                position += run
                if run >= 3 { return }
            } else if byte == quote {
                position += 1
                return
            } else if byte == UInt8(ascii: "\n"), !isLong {
                break
            } else {
                if byte == UInt8(ascii: "\n") { line += 1 }
                position += 1
            }
        }
        throw problem("this string is not closed", line: firstLine)
    }

    /// What follows a backslash.
    private mutating func skipEscape() throws(Problem) {
        let digitCount = peek() == UInt8(ascii: "u") ? 4 : peek() == UInt8(ascii: "U") ? 8 : 0
        if digitCount > 0, (1...digitCount).allSatisfy({ peek($0) == UInt8(ascii: "0") }) {
            throw problem(Self.nulMessage)
        }
        // The end of a line is for the caller to count, the end of the file to see.
        if let byte = peek(), byte != UInt8(ascii: "\n") { position += 1 }
    }

    private func quoteRun(_ quote: UInt8) -> Int {
        var count = 0
        while count < 5, peek(count) == quote { count += 1 }
        return count
    }

    private mutating func scanQuotedKey() throws(Problem) -> String {
        let isBasic = peek() == UInt8(ascii: "\"")
        if peek(1) == peek(), peek(2) == peek() { throw problem("a key cannot be a string of several lines") }
        let start = position + 1
        try skipString()
        // A string that was closed is at least its two quotes long.
        let raw = String(decoding: bytes[start..<max(start, position - 1)], as: UTF8.self)
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
