// SPDX-License-Identifier: Apache-2.0
// Whether what arrived is what a script expects. XML is compared by what it means: prefixes, the order of attributes,
// and white space between elements do not matter.

import XMPPCore

/// An element to be compared.
struct Node: CustomStringConvertible {
    var name: String
    var namespace: String
    var attributes: [String: String]
    /// The text directly inside; empty when it is only white space around child elements.
    var text: String
    var children: [Node]
    let description: String

    init(_ element: Element) {
        name = element.name
        namespace = element.namespace.uri
        attributes = Dictionary(element.attributes.map { ($0.name, $0.value) }) { first, _ in first }
        attributes["xml:lang"] = element.language
        children = element.children.map(Node.init)
        text = children.isEmpty ? element.text : element.text.trimmed
        description = element.xml
    }

    /// Whether this or something inside it has the name.
    func holds(_ name: String, _ namespace: String) -> Bool {
        (self.name == name && self.namespace == namespace) || children.contains { $0.holds(name, namespace) }
    }
}

/// What the holes of a script's texts stand for. `{any}` stands for any text each time; any other name stands for
/// whatever it met first.
struct Holes {
    private(set) var values: [String: String] = [:]

    /// Inside an element: further children may be there, and the order of the children does not matter.
    static let more = "{more}"

    private enum Part {
        case text(Substring)
        case hole(String)
    }

    /// The text with each hole filled; nil when one has met nothing yet.
    func fill(_ text: String) -> String? {
        var filled = ""
        for part in Self.parts(text) {
            switch part {
            case .text(let text): filled += text
            case .hole(let name):
                guard let value = values[name] else { return nil }
                filled += value
            }
        }
        return filled
    }

    mutating func match(_ pattern: String, _ text: String) -> Bool {
        match(Self.parts(pattern)[...], text[...])
    }

    private mutating func match(_ parts: ArraySlice<Part>, _ text: Substring) -> Bool {
        guard let first = parts.first else { return text.isEmpty }
        let rest = parts.dropFirst()
        switch first {
        case .text(let expected):
            return text.hasPrefix(expected) && match(rest, text.dropFirst(expected.count))
        case .hole(let name):
            if let value = values[name] { return text.hasPrefix(value) && match(rest, text.dropFirst(value.count)) }
            for count in stride(from: text.count, to: 0, by: -1) {
                var attempt = self
                if name != "any" { attempt.values[name] = String(text.prefix(count)) }
                if attempt.match(rest, text.dropFirst(count)) {
                    self = attempt
                    return true
                }
            }
            return false
        }
    }

    private static func parts(_ text: String) -> [Part] {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            let name = rest[rest.index(after: open)...].prefix { $0.isASCII && ($0.isLetter || $0 == "-") }
            guard !name.isEmpty, name.endIndex < rest.endIndex, rest[name.endIndex] == "}" else { break }
            if open > rest.startIndex { parts.append(.text(rest[..<open])) }
            parts.append(.hole(String(name)))
            rest = rest[rest.index(after: name.endIndex)...]
        }
        if !rest.isEmpty { parts.append(.text(rest)) }
        return parts
    }

    /// Whether an element is as expected. Holes are filled only if it is.
    mutating func match(_ expected: Node, _ actual: Node) -> Bool {
        var attempt = self
        guard expected.name == actual.name, expected.namespace == actual.namespace,
            attempt.matchAttributes(expected, actual), attempt.matchContent(expected, actual)
        else { return false }
        self = attempt
        return true
    }

    private mutating func matchAttributes(_ expected: Node, _ actual: Node) -> Bool {
        guard expected.attributes.count == actual.attributes.count else { return false }
        for (name, value) in expected.attributes.sorted(by: { $0.key < $1.key }) {
            guard let other = actual.attributes[name], match(value, other) else { return false }
        }
        return true
    }

    private mutating func matchContent(_ expected: Node, _ actual: Node) -> Bool {
        if expected.text.contains(Self.more) {
            var rest = actual.children
            for child in expected.children {
                guard let index = rest.firstIndex(where: { match(child, $0) }) else { return false }
                rest.remove(at: index)
            }
            return true
        }
        guard expected.children.count == actual.children.count, match(expected.text, actual.text) else { return false }
        for (child, other) in zip(expected.children, actual.children) {
            guard match(child, other) else { return false }
        }
        return true
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
