// SPDX-License-Identifier: Apache-2.0
// Rules of the `access` section: what each class of entities may do, or how much of it.

/// What a rule gives to whoever matches.
public enum AccessValue: Hashable, Sendable {
    /// Access.
    case allow
    /// No access.
    case deny
    /// A limit, such as the number of sessions of one account.
    case limit(Int)
    /// No limit.
    case unlimited
    /// A name, such as that of a shaper.
    case name(String)
}

/// One line of a rule: who is in the class `className` gets `value`.
public struct AccessClause: Hashable, Sendable {
    /// The class of the `acl` section, or `all`.
    public var className: String
    /// What its members get.
    public var value: AccessValue

    /// The clause that gives `value` to the class `className`.
    public init(_ className: String, _ value: AccessValue) {
        self.className = className
        self.value = value
    }
}

/// The rules of the `access` section by their names. `all`, which allows, and `none`, which denies, always exist.
public struct AccessRules: Hashable, Sendable {
    /// The clauses of each rule in the order in which they are tried.
    public var rules: [String: [AccessClause]]

    /// The rules with these clauses.
    public init(_ rules: [String: [AccessClause]] = [:]) {
        self.rules = rules
    }

    /// Whether there is a rule of this name. One that there is not denies everyone.
    public func contains(_ name: String) -> Bool {
        name == "all" || name == "none" || rules[name] != nil
    }

    /// What the rule `name` gives to `subject`: the value of the first clause whose class holds them, else `.deny`.
    ///
    /// - Parameters:
    ///   - subject: who asks.
    ///   - host: the domain on which they ask.
    ///   - hosted: all domains that the server serves.
    ///   - lists: the classes that the clauses name.
    public func value(
        of name: String, for subject: AccessSubject, on host: String, hosted: [String], lists: AccessControlLists
    ) -> AccessValue {
        switch name {
        case "all": return .allow
        case "none": return .deny
        default: break
        }
        let clause = rules[name]?.first { lists.contains(subject, in: $0.className, on: host, hosted: hosted) }
        return clause?.value ?? .deny
    }

    /// These rules with those of one host: in a rule of both, the host's clauses come before a clause at the end that
    /// is for `all`, and otherwise behind the others.
    public func merging(hostRules: AccessRules) -> AccessRules {
        AccessRules(
            rules.merging(hostRules.rules) { general, own in
                guard let last = general.last, last.className == "all" else { return general + own }
                return general.dropLast() + own + [last]
            })
    }
}
