// SPDX-License-Identifier: Apache-2.0
// A module that the configuration switches on.

/// A module that the configuration switches on, with what it was told.
public struct ModuleConfiguration: Hashable, Sendable {
    /// The module's configuration name, such as `mod_last`.
    public var name: String
    /// Where its data lies; nil for a module without data, and for one whose ``parts`` say it.
    public var backend: BackendSelection?
    /// Where each part of its data lies, by its name, for a module whose parts may lie in different places; empty for
    /// others. A part that is not there is not configured.
    public var parts: [String: BackendSelection] = [:]
    /// Its own options, without `backend` and `iqdisc`, for its ``ModuleOptions`` to read.
    public var options: ConfigurationTable
    /// The line of the section, or of its first key.
    public var location: SourceLocation

    /// A module with its options, which are not checked here.
    public init(
        _ name: String, backend: BackendSelection? = nil, options: ConfigurationTable = [:],
        at location: SourceLocation = .code
    ) {
        self.name = name
        self.backend = backend
        self.options = options
        self.location = location
    }

    /// The key path of the section, such as `modules.mod_last`.
    public var path: String { "modules.\(name)" }

    /// Whether name, backend and options are the same, wherever they were written.
    public static func == (one: ModuleConfiguration, other: ModuleConfiguration) -> Bool {
        one.name == other.name && one.backend == other.backend && one.parts == other.parts
            && one.options == other.options
    }

    /// Hashes the name, which tells the modules of a host apart.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
    }

    /// Everything that says where data lies.
    public var backends: [BackendSelection] {
        (backend.map { [$0] } ?? []) + parts.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Reads the options into the module's own type.
    /// - Throws: ``InvalidConfiguration`` with all the errors (and the warnings) when there is at least one error.
    public func options<Options: ModuleOptions>(_ type: Options.Type) throws(InvalidConfiguration) -> Options {
        var diagnostics: [ConfigurationDiagnostic] = []
        let read = Options.reading(options, path: path, at: location, diagnostics: &diagnostics)
        guard !diagnostics.contains(where: { $0.severity == .error }) else { throw InvalidConfiguration(diagnostics) }
        return read
    }
}
