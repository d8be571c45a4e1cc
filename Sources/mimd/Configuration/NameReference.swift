// SPDX-License-Identifier: Apache-2.0
// A name that the configuration uses in one place and defines in another, to be looked for when everything is read.

import XMPPCore

/// A name that the configuration uses, with the key that uses it.
struct NameReference {
    var name: String
    var keyPath: String
    var location: SourceLocation

    /// What is to be said about the place that uses the name.
    func diagnostic(_ severity: ConfigurationDiagnostic.Severity, _ message: String) -> ConfigurationDiagnostic {
        ConfigurationDiagnostic(severity, at: location, keyPath: keyPath, message)
    }
}

extension OptionReader {
    /// The use of `name` by the key `key`.
    func reference(to name: String, by key: String) -> NameReference {
        NameReference(name: name, keyPath: keyPath(key), location: location(of: key))
    }
}
