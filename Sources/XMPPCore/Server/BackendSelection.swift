// SPDX-License-Identifier: Apache-2.0
// Which backend keeps the data of a module or an authentication method, and who said so.

/// Which backend keeps the data of a module or an authentication method.
///
/// MongooseIM's name for "what comes with the server" is `mnesia`, and it is the default of most of its modules. Here
/// it means the local store, as the name `sqlite` does, which MongooseIM does not have. ``settlement`` says what to
/// write so that nobody has to know this.
public struct BackendSelection: Hashable, Sendable {
    /// Who chose the backend.
    public enum Origin: Hashable, Sendable {
        /// The configuration has a line that says so.
        case written
        /// The configuration says nothing, and this is what MongooseIM's default amounts to.
        case implied
    }

    /// How long the data lives.
    public enum Lifetime: Hashable, Sendable {
        /// As long as nobody removes it: it needs a store.
        case persistent
        /// As long as the process: it needs none.
        case process
    }

    /// The local store's own name in the configuration.
    public static let localStoreName = "sqlite"

    /// The backend's name as written or implied, such as `sqlite`, `mnesia` or `rdbms`.
    public var name: String
    /// Who chose it.
    public var origin: Origin
    /// How long the data lives.
    public var lifetime: Lifetime
    /// The key path of the section that has, or could have, the key of the backend, such as `modules.mod_last`.
    public var section: String
    /// The key that chooses the backend, `backend` except in `general`.
    public var key: String
    /// The line of the `backend` key; where it was implied, the line of the section.
    public var location: SourceLocation

    /// A choice; without arguments, the local store, as if it had been written.
    public init(
        _ name: String = localStoreName, origin: Origin = .written, lifetime: Lifetime = .persistent,
        section: String = "", key: String = "backend", at location: SourceLocation = .code
    ) {
        self.name = name
        self.origin = origin
        self.lifetime = lifetime
        self.section = section
        self.key = key
        self.location = location
    }

    /// Whether the data lies in the local store.
    public var isLocalStore: Bool {
        lifetime == .persistent && (name == Self.localStoreName || name == "mnesia")
    }

    /// Whether the data lies in the memory of the process and goes with it.
    public var isProcessMemory: Bool {
        lifetime == .process && (name == "mnesia" || name == "cets")
    }

    /// What the operator should know about a choice that MongooseIM would have understood differently: a warning that
    /// names the file and the line of TOML that settles it. Nil when there is nothing to say.
    ///
    /// - Parameter path: where the local store lies.
    public func settlement(localStoreAt path: String) -> ConfigurationDiagnostic? {
        guard isLocalStore, name != Self.localStoreName else { return nil }
        let line = "\(key) = \"\(Self.localStoreName)\""
        let message =
            switch origin {
            case .written:
                "the data lies in the local store \(path), for there is no Mnesia here; "
                    + "to settle it, make this line `\(line)`"
            case .implied:
                "the data lies in the local store \(path), for no backend is written; "
                    + "to settle it, write `\(line)` below [\(ConfigurationDiagnostic.header(of: section))]"
            }
        return ConfigurationDiagnostic(.warning, at: location, keyPath: keyPath, message)
    }

    /// The key path to name in a diagnostic: of the key that was written, else of the section.
    public var keyPath: String { origin == .written ? "\(section).\(key)" : section }
}
