// SPDX-License-Identifier: Apache-2.0
// Reads one table of the configuration, key by key, and collects what is wrong with it. The kinds of values are in
// OptionReader+Values.swift and OptionReader+Tables.swift.

/// Reads one table of the configuration into typed properties.
///
/// Each `read` takes one key: when it is absent the property stays as it is; when its value is wrong, that is noted
/// with file, line and key path, and the property stays as it is too. After the last key, whoever drives the reader
/// calls ``rejectUnknownKeys()``; for a ``ModuleOptions`` that happens by itself.
public struct OptionReader: Sendable {
    /// Errors noted in one table before the reading of it stops: more than an operator wants to see at once.
    public static let errorCountMax = 100

    /// What the operator wrote.
    public let table: ConfigurationTable
    /// The key path of the table, such as `modules.mod_ping`; empty for the whole file.
    public let path: String
    /// The line of the table's header.
    public let location: SourceLocation
    /// The errors and warnings so far, in the order of reading.
    public private(set) var diagnostics: [ConfigurationDiagnostic] = []

    private var knownKeys: [String] = []

    /// A reader of `table`, which lies at `path` and begins at `location`.
    public init(_ table: ConfigurationTable, path: String, at location: SourceLocation = .code) {
        self.table = table
        self.path = path
        self.location = location
    }

    // MARK: Keys

    /// The entry with this key, which from now on counts as known; nil when the operator did not write it.
    public mutating func take(_ key: String) -> ConfigurationTable.Entry? {
        if !knownKeys.contains(key) { knownKeys.append(key) }
        return table.entry(key)
    }

    /// Notes an error when the key is absent.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func require(_ key: String) throws(OptionError) {
        if take(key) == nil {
            try note(.init(.error, at: location, keyPath: keyPath(key), "this key is required"))
        }
    }

    /// Accepts a key that MongooseIM knows and this server does not support (yet): it has no effect, and a warning says
    /// so.
    /// - Parameter reason: what the operator should know instead of the general sentence.
    public mutating func ignore(_ key: String, because reason: String = "not supported yet, it has no effect") {
        guard let entry = take(key) else { return }
        warn(at: entry.location, keyPath(key), reason)
    }

    /// Accepts a key as ``ignore(_:because:)`` does, with the warning only when its value is not `harmless`.
    public mutating func ignore(
        _ key: String, unless harmless: ConfigurationValue,
        because reason: String = "not supported yet, it has no effect"
    ) {
        guard let entry = take(key), entry.value != harmless else { return }
        warn(at: entry.location, keyPath(key), reason)
    }

    /// Notes every key of the table that nobody took, with the nearest known one and all that are allowed.
    public mutating func rejectUnknownKeys() {
        for entry in table.entries where !knownKeys.contains(entry.key) {
            let help = ConfigurationDiagnostic.suggestion(for: entry.key, among: knownKeys, noun: "key")
            diagnostics.append(.init(.error, at: entry.location, keyPath: keyPath(entry.key), "unknown key; \(help)"))
        }
    }

    // MARK: Diagnostics

    /// Notes that a value is not acceptable, though of the right type, and goes on.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func reject(_ key: String, _ message: String) throws(OptionError) {
        try note(.init(.error, at: location(of: key), keyPath: keyPath(key), message))
    }

    /// An error to throw out of ``ModuleOptions/read(_:)``, which ends the reading of this table.
    public func invalid(_ key: String, _ message: String) -> OptionError {
        OptionError(diagnostic: .init(.error, at: location(of: key), keyPath: keyPath(key), message))
    }

    /// Notes something that the operator should know about a key that has been read.
    public mutating func warn(_ key: String, _ message: String) {
        warn(at: location(of: key), keyPath(key), message)
    }

    /// Notes something that the operator should know about the table as a whole.
    public mutating func warnHere(_ message: String) {
        warn(at: location, path, message)
    }

    /// Takes every key that is left as it is: the section is for somebody else to read.
    public mutating func takeAll() {
        for key in table.keys where !knownKeys.contains(key) { knownKeys.append(key) }
    }

    /// The key with the path of its table, as diagnostics show it. A key that could not be written bare is quoted.
    public func keyPath(_ key: String) -> String {
        let isBare =
            !key.isEmpty
            && key.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        let shown = isBare ? key : "\"\(key)\""
        return path.isEmpty ? shown : "\(path).\(shown)"
    }

    /// The line of a key; that of the table's header when the key is absent.
    public func location(of key: String) -> SourceLocation {
        table.entry(key)?.location ?? location
    }

    /// Notes what another reader of the same configuration found.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func note(_ diagnostic: ConfigurationDiagnostic) throws(OptionError) {
        diagnostics.append(diagnostic)
        if diagnostics.count(where: { $0.severity == .error }) >= Self.errorCountMax {
            throw OptionError(diagnostic: nil)
        }
    }

    mutating func note(_ error: OptionError) {
        if let diagnostic = error.diagnostic { diagnostics.append(diagnostic) }
    }

    /// Takes over what a reader of a nested table noted.
    mutating func absorb(_ inner: OptionReader) throws(OptionError) {
        for diagnostic in inner.diagnostics { try note(diagnostic) }
    }

    /// Notes that the value of an entry is of the wrong type or out of range.
    mutating func mismatch(
        _ entry: ConfigurationTable.Entry, at path: String? = nil, expected: String, found: ConfigurationValue? = nil
    ) throws(OptionError) {
        let value = found ?? entry.value
        // A password that was given in the wrong form must not end up in a log.
        let isSecret = ["password", "secret", "token"].contains { entry.key.contains($0) }
        let message = "expected \(expected), found \(isSecret ? "something else" : value.summary)"
        let line = value.location.line > 0 ? value.location : entry.location
        try note(.init(.error, at: line, keyPath: path ?? keyPath(entry.key), message))
    }

    private mutating func warn(at location: SourceLocation, _ keyPath: String, _ message: String) {
        diagnostics.append(.init(.warning, at: location, keyPath: keyPath, message))
    }
}
