// SPDX-License-Identifier: Apache-2.0
// What a module says of itself.

/// A specification and the version of it that is implemented.
public struct Specification: Sendable, Hashable, CustomStringConvertible {
    /// `XEP-0012`, `RFC 6121`.
    public let name: String
    /// The version of an XEP; nil for an RFC.
    public let version: String?

    /// An XMPP Extension Protocol.
    public static func xep(_ number: Int, _ version: String) -> Specification {
        let digits = String(number)
        return Specification(
            name: "XEP-\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)",
            version: version
        )
    }
    /// A Request for Comments, or a part of it.
    public static func rfc(_ number: Int, section: String? = nil) -> Specification {
        Specification(name: "RFC \(number)\(section.map { " section \($0)" } ?? "")", version: nil)
    }

    /// The name and, for an XEP, the version: `XEP-0012 2.0`.
    public var description: String { version.map { "\(name) \($0)" } ?? name }
}

/// What a module is called and what it implements.
public struct ModuleManifest: Sendable {
    /// The name of its section in the configuration, below `modules`: `mod_last`.
    public let name: String
    /// What it implements, wholly or in part.
    public let specifications: [Specification]
    /// Names of modules that must be configured too.
    public let requirements: [String]

    /// Makes a manifest.
    public init(_ name: String, implements specifications: [Specification], needs requirements: [String] = []) {
        self.name = name
        self.specifications = specifications
        self.requirements = requirements
    }
}
