// SPDX-License-Identifier: Apache-2.0
// The contract of a section of the configuration that reads itself: the options of a module, or a table nested in them.

/// The options of a module, or of a table inside them: a struct with a default for everything, which reads itself.
///
///     public struct Options: ModuleOptions {
///         /// Stanzas kept until the client acknowledges them.
///         public var bufferCountMax = 100
///         public init() {}
///         public mutating func read(_ o: inout OptionReader) throws(OptionError) {
///             try o.read("buffer_max", into: &bufferCountMax, in: 1...10_000)
///         }
///     }
///
/// A mistake does not end the reading: it is noted, the property keeps its default, and the next key is read, so that
/// the operator sees every mistake at once. A key that `read` never asks for is an error too.
public protocol ModuleOptions: Sendable {
    /// The defaults.
    init()

    /// Takes over what the operator wrote.
    ///
    /// Throw `o.invalid("key", "message")` only for what keeps the rest from being read; note other rules that span
    /// several keys with ``OptionReader/reject(_:_:)``.
    /// - Throws: an ``OptionError`` of its own, or the one of the reader when ``OptionReader/errorCountMax`` is
    ///   reached.
    mutating func read(_ o: inout OptionReader) throws(OptionError)
}

extension ModuleOptions {
    /// Reads a table whole.
    ///
    /// - Parameters:
    ///   - table: what the operator wrote.
    ///   - path: the table's own key path, such as `modules.mod_ping`, for the diagnostics.
    ///   - location: the line of the table's header, for the diagnostics about keys that are missing.
    ///   - diagnostics: gets the errors and warnings in the order of reading, unknown keys last.
    /// - Returns: the options, in which everything that was wrong has its default.
    public static func reading(
        _ table: ConfigurationTable, path: String, at location: SourceLocation = .code,
        diagnostics: inout [ConfigurationDiagnostic]
    ) -> Self {
        var options = Self()
        var reader = OptionReader(table, path: path, at: location)
        options.read(with: &reader)
        diagnostics += reader.diagnostics
        return options
    }

    /// Reads from a reader that was already made, and notes the keys that nobody asked for.
    mutating func read(with reader: inout OptionReader) {
        do {
            try read(&reader)
            reader.rejectUnknownKeys()
        } catch {
            reader.note(error)
        }
    }
}

/// The end of reading a section.
public struct OptionError: Error, Sendable {
    /// What a module threw; nil when the reader stopped because there were too many errors, which are noted already.
    public let diagnostic: ConfigurationDiagnostic?
}
