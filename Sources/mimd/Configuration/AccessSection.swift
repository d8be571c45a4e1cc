// SPDX-License-Identifier: Apache-2.0
// The sections `acl` and `access`, of the whole server or of one host.

import XMPPCore

/// `[acl]`: classes by names that the operator chose, each an array of patterns.
struct AccessControlListSection: ModuleOptions {
    var lists = AccessControlLists()

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        for name in o.table.keys {
            var patterns: [PatternSection] = []
            try o.read(name, into: &patterns)
            lists.classes[name] = patterns.map(\.pattern)
        }
    }
}

/// One pattern of a class.
private struct PatternSection: ModuleOptions {
    var pattern = AccessPattern()

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.read("match", into: &pattern.match)
        pattern.localpart = try conditions("user", &o) { text in
            // A text that is no localpart is reported by the caller.
            text.isEmpty ? "" : (try? JID("\(text)@localhost"))?.localpart
        }
        pattern.domainpart = try conditions("server", &o) { text in preparedDomain(text) }
        pattern.resourcepart = try conditions("resource", &o) { text in
            // A text that is no resourcepart is reported by the caller.
            text.isEmpty ? "" : (try? JID("localhost/\(text)"))?.resourcepart
        }
    }

    private func conditions(
        _ part: String, _ o: inout OptionReader, prepare: (String) -> String?
    ) throws(OptionError) -> [TextCondition] {
        var conditions: [TextCondition] = []
        var text: String?
        try o.read(part, into: &text, byteCountMin: 0)
        if let text {
            if let prepared = prepare(text) {
                conditions.append(.equal(prepared))
            } else {
                try o.reject(part, "\"\(text)\" cannot occur in a JID there")
            }
        }
        var glob: String?
        try o.read("\(part)_glob", into: &glob, byteCountMin: 0)
        if let glob { conditions.append(.glob(glob)) }
        var expression: String?
        try o.read("\(part)_regexp", into: &expression, byteCountMin: 0)
        if let expression {
            do {
                conditions.append(try .regularExpression(expression))
            } catch {
                try o.reject("\(part)_regexp", "is not a regular expression: \(error.reason)")
            }
        }
        return conditions
    }
}

/// `[access]`: rules by names that the operator chose, each an array of clauses.
struct AccessRuleSection: ModuleOptions {
    var rules = AccessRules()
    /// The classes that the clauses name, to be looked for when all of them are known.
    var references: [NameReference] = []

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        for name in o.table.keys {
            var clauses: [AccessClause] = []
            var found: [NameReference] = []
            try o.readTables(name) { (o: inout OptionReader) throws(OptionError) in
                var className = ""
                try o.require("acl")
                try o.read("acl", into: &className)
                try o.require("value")
                guard let value = try o.accessValue("value") else { return }
                clauses.append(AccessClause(className, value))
                found.append(o.reference(to: className, by: "acl"))
            }
            rules.rules[name] = clauses
            references += found
        }
    }
}

extension OptionReader {
    /// What an access rule gives: `"allow"`, `"deny"`, a number, `"infinity"`, or a name such as that of a shaper.
    mutating func accessValue(_ key: String) throws(OptionError) -> AccessValue? {
        guard let entry = take(key) else { return nil }
        switch entry.value.kind {
        case .string("allow"): return .allow
        case .string("deny"): return .deny
        case .string("infinity"): return .unlimited
        case .string(let name) where !name.isEmpty: return .name(name)
        case .integer(let limit) where limit >= 0: return .limit(limit)
        default:
            let expected = "\"allow\", \"deny\", an integer that is at least 0, \"infinity\" or the name of a shaper"
            try reject(key, "expected \(expected), found \(entry.value.summary)")
            return nil
        }
    }
}

/// `[shaper]`: shapers by names that the operator chose.
struct ShaperSection: ModuleOptions {
    var shapers: [String: ShaperConfiguration] = [:]

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        for name in o.table.keys {
            var rate = 1
            let isThere = try o.readTable(name) { (o: inout OptionReader) throws(OptionError) in
                try o.require("max_rate")
                try o.read("max_rate", into: &rate, in: 1...Int.max)
            }
            if isThere { shapers[name] = ShaperConfiguration(ratePerSecond: rate) }
        }
    }
}
