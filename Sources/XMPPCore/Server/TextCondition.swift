// SPDX-License-Identifier: Apache-2.0
// What a part of a JID must look like: a text, a glob or a regular expression.

import Synchronization

/// A condition on a text. Made when the configuration is read, asked whenever access is decided.
public struct TextCondition: Sendable {
    private enum Kind: Sendable {
        case equal(String)
        case glob(Glob)
        case regularExpression(RegularExpression)
    }

    private let kind: Kind

    private init(_ kind: Kind) {
        self.kind = kind
    }

    /// The text must be this one, code point by code point.
    public static func equal(_ text: String) -> TextCondition {
        TextCondition(.equal(text))
    }

    /// The whole text must match the glob: `*` is any text, `?` any one character, `[a-c]` one of these characters,
    /// `[!a-c]` any other.
    public static func glob(_ pattern: String) -> TextCondition {
        TextCondition(.glob(Glob(pattern)))
    }

    /// The regular expression must be found somewhere in the text; `^` and `$` tie it to the ends.
    ///
    /// The syntax is that of Swift's `Regex`, which covers what Perl's has in common with it. A search can take time
    /// exponential in the text, so the expression must come from the operator, never from a peer.
    /// - Throws: ``InvalidPattern`` when it is not a regular expression.
    public static func regularExpression(_ pattern: String) throws(InvalidPattern) -> TextCondition {
        TextCondition(.regularExpression(try RegularExpression(pattern)))
    }

    /// Whether `text` is as the condition demands.
    public func isSatisfied(by text: String) -> Bool {
        switch kind {
        case .equal(let expected): text.unicodeScalars.elementsEqual(expected.unicodeScalars)
        case .glob(let glob): glob.matches(text)
        case .regularExpression(let expression): expression.isFound(in: text)
        }
    }
}

/// A regular expression that cannot be understood.
public struct InvalidPattern: Error, Hashable, Sendable {
    /// What is wrong with it, in the words of Swift's parser.
    public let reason: String
}

/// `Regex` is not Sendable, because it may hold closures; a lock around it costs less than the search it guards.
private final class RegularExpression: Sendable {
    private let regex: Mutex<Regex<AnyRegexOutput>>

    init(_ pattern: String) throws(InvalidPattern) {
        do {
            // By code points, as Perl does it: by graphemes, `.` would swallow a combining mark with its letter.
            regex = Mutex(try Regex(pattern).matchingSemantics(.unicodeScalar))
        } catch {
            throw InvalidPattern(reason: "\(error)")
        }
    }

    func isFound(in text: String) -> Bool {
        regex.withLock { regex in
            // The search itself throws only out of closures inside the expression, and one read from text has none.
            (try? regex.firstMatch(in: text)) != nil
        }
    }
}

/// A shell pattern, matched by code points in time proportional to pattern times text.
private struct Glob: Sendable {
    private enum Token: Sendable {
        case anyText
        case anyCharacter
        case character(Unicode.Scalar)
        case oneOf([ClosedRange<Unicode.Scalar>])
        case noneOf([ClosedRange<Unicode.Scalar>])

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            switch self {
            case .anyText: false
            case .anyCharacter: true
            case .character(let expected): scalar == expected
            case .oneOf(let ranges): ranges.contains { $0.contains(scalar) }
            case .noneOf(let ranges): !ranges.contains { $0.contains(scalar) }
            }
        }
    }

    private var tokens: [Token] = []

    init(_ pattern: String) {
        var rest = pattern.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "*": tokens.append(.anyText)
            case "?": tokens.append(.anyCharacter)
            case "[": tokens.append(Self.set(&rest) ?? .character("["))
            default: tokens.append(.character(scalar))
            }
        }
    }

    /// The set after a `[`; nil, with nothing consumed, when no `]` closes it.
    private static func set(_ rest: inout Substring.UnicodeScalarView) -> Token? {
        var inside = rest
        let isNegated = inside.first == "!" || inside.first == "^"
        if isNegated { inside.removeFirst() }
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while let scalar = inside.popFirst() {
            if scalar == "]", !ranges.isEmpty {
                rest = inside
                return isNegated ? .noneOf(ranges) : .oneOf(ranges)
            }
            if inside.first == "-", let end = inside.dropFirst().first, end != "]", end >= scalar {
                ranges.append(scalar...end)
                inside.removeFirst(2)
            } else {
                ranges.append(scalar...scalar)
            }
        }
        return nil
    }

    func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var position = 0
        var token = 0
        // Where to go on when the text after the last `*` does not match: with that `*` holding one character more.
        var retry: (token: Int, position: Int)?
        while position < scalars.count {
            if token < tokens.count, case .anyText = tokens[token] {
                retry = (token, position)
                token += 1
            } else if token < tokens.count, tokens[token].matches(scalars[position]) {
                token += 1
                position += 1
            } else if let last = retry {
                retry = (last.token, last.position + 1)
                token = last.token + 1
                position = last.position + 1
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { if case .anyText = $0 { true } else { false } }
    }
}
