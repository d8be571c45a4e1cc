// SPDX-License-Identifier: Apache-2.0
// A tree of configuration values in which every key and every value knows the line it was written on. It knows no file
// format: the program fills it from TOML, an embedder writes it as Swift literals, tests do both.

/// Where a key or a value of the configuration was written.
public struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    /// The file's name as the operator gave it; `code` for a value that a program made.
    public var file: String
    /// The line, counted from 1; 0 for a value that a program made.
    public var line: Int

    /// Line `line` of `file`.
    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    /// The location of values that were built in Swift rather than read from a file.
    public static let code = SourceLocation(file: "code", line: 0)

    /// `file:line`, as compilers print it; only the file where there is no line.
    public var description: String {
        line > 0 ? "\(file):\(line)" : file
    }
}

/// One value of the configuration with the place it was written.
public struct ConfigurationValue: Sendable {
    /// What a configuration value can be.
    public enum Kind: Sendable, Equatable {
        /// Keys with values, such as `[modules.mod_ping]` or `{type = "parallel"}`.
        case table(ConfigurationTable)
        /// Values in order, possibly of different kinds.
        case array([ConfigurationValue])
        /// Text.
        case string(String)
        /// A whole number.
        case integer(Int)
        /// A number with a fraction or an exponent.
        case float(Double)
        /// `true` or `false`.
        case boolean(Bool)
    }

    /// The value itself.
    public var kind: Kind
    /// The line on which the value begins.
    public var location: SourceLocation

    /// A value written at `location`.
    public init(_ kind: Kind, at location: SourceLocation = .code) {
        self.kind = kind
        self.location = location
    }

    /// The table, or nil when the value is none.
    public var table: ConfigurationTable? {
        if case .table(let table) = kind { table } else { nil }
    }

    /// The string, or nil when the value is none.
    public var string: String? {
        if case .string(let string) = kind { string } else { nil }
    }

    /// The value as an error message names what it found, such as `the string "often"` or `a table`.
    /// Long strings are cut.
    public var summary: String {
        switch kind {
        case .table: "a table"
        case .array: "an array"
        case .string(let string):
            "the string \"\(string.count > 40 ? "\(string.prefix(40))..." : string)\""
        case .integer(let integer): "the integer \(integer)"
        case .float(let float): "the number \(float)"
        case .boolean(let boolean): "\(boolean)"
        }
    }
}

extension ConfigurationValue: Equatable {
    /// Whether both hold the same value, wherever they were written.
    public static func == (one: ConfigurationValue, other: ConfigurationValue) -> Bool {
        one.kind == other.kind
    }
}

extension ConfigurationValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A string of the program.
    public init(stringLiteral value: String) { self.init(.string(value)) }
    /// An integer of the program.
    public init(integerLiteral value: Int) { self.init(.integer(value)) }
    /// A number of the program.
    public init(floatLiteral value: Double) { self.init(.float(value)) }
    /// A Boolean of the program.
    public init(booleanLiteral value: Bool) { self.init(.boolean(value)) }
    /// An array of the program.
    public init(arrayLiteral elements: ConfigurationValue...) { self.init(.array(elements)) }
    /// A table of the program.
    public init(dictionaryLiteral elements: (String, ConfigurationValue)...) {
        self.init(.table(ConfigurationTable(elements.map { .init(key: $0.0, value: $0.1) })))
    }
}

/// The keys and values of one section, in the order they were written.
public struct ConfigurationTable: Sendable, Equatable {
    /// A key with its value.
    public struct Entry: Sendable, Equatable {
        /// The key, without quotes.
        public var key: String
        /// The line of the key, which diagnostics about the entry name.
        public var location: SourceLocation
        /// What the key is set to.
        public var value: ConfigurationValue

        /// An entry whose key was written at `location`.
        public init(key: String, at location: SourceLocation = .code, value: ConfigurationValue) {
            self.key = key
            self.location = location
            self.value = value
        }

        /// Whether key and value are the same, wherever they were written.
        public static func == (one: Entry, other: Entry) -> Bool {
            one.key == other.key && one.value == other.value
        }
    }

    /// The entries in the order of the file. Every key occurs once.
    public var entries: [Entry]

    /// A table of `entries`; of entries with the same key only the last is kept.
    public init(_ entries: [Entry] = []) {
        self.entries = []
        for entry in entries { self.set(entry) }
    }

    /// The keys in the order of the file.
    public var keys: [String] { entries.map(\.key) }

    /// The entry with this key, or nil.
    public func entry(_ key: String) -> Entry? {
        entries.first { $0.key == key }
    }

    /// The value of this key, or nil.
    public subscript(key: String) -> ConfigurationValue? {
        entry(key)?.value
    }

    /// Puts an entry in, in the place of one with the same key where there is one.
    public mutating func set(_ entry: Entry) {
        if let index = entries.firstIndex(where: { $0.key == entry.key }) {
            entries[index] = entry
        } else {
            entries.append(entry)
        }
    }

    /// Takes the entry with this key out and returns it; nil when there is none.
    @discardableResult
    public mutating func remove(_ key: String) -> Entry? {
        guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
        return entries.remove(at: index)
    }
}

extension ConfigurationTable: ExpressibleByDictionaryLiteral {
    /// A table of the program; of equal keys the last counts.
    public init(dictionaryLiteral elements: (String, ConfigurationValue)...) {
        self.init(elements.map { Entry(key: $0.0, value: $0.1) })
    }
}
