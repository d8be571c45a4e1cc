// SPDX-License-Identifier: Apache-2.0
// The section `auth`, of the whole server or of one host.

import XMPPCore

/// `[auth]`.
struct AuthenticationSection: ModuleOptions {
    private typealias MethodName = AuthenticationConfiguration.MethodName

    var configuration = AuthenticationConfiguration(methods: [])

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try readMechanisms(&o)
        var password = PasswordSection()
        try o.read("password", into: &password)
        configuration.passwordFormat = password.format
        configuration.passwordHashes = password.hashes
        configuration.scramIterationCount = password.iterationCount
        try o.read("max_users_per_domain", into: &configuration.accountCountMax, in: 1...Int.max)
        for key in ["sasl_external", "sasl_external_common_name"] { o.ignore(key) }
        try readMethods(&o)
    }

    private mutating func readMechanisms(_ o: inout OptionReader) throws(OptionError) {
        var names: [MechanismName] = []
        try o.read("sasl_mechanisms", into: &names)
        guard !names.isEmpty else { return }
        configuration.mechanisms = names.compactMap(\.mechanism)
        for name in names where name.mechanism == nil {
            o.warn("sasl_mechanisms", "\"\(name.rawValue)\" is not supported yet, it is not offered")
        }
        if configuration.mechanisms.isEmpty { try o.reject("sasl_mechanisms", "none of these is supported yet") }
    }

    private mutating func readMethods(_ o: inout OptionReader) throws(OptionError) {
        var sections: [MethodName: AuthenticationConfiguration.Method] = [:]
        for name in MethodName.allCases {
            if let method = try readMethod(name, &o) { sections[name] = method }
        }
        var names: [MethodName] = []
        try o.read("methods", into: &names)
        if names.isEmpty {
            names = sections.keys.sorted { $0.rawValue < $1.rawValue }
        } else {
            for name in sections.keys where !names.contains(name) {
                o.warn(name.rawValue, "this method is not one of `methods`, it is not used")
            }
        }
        let section = o.path
        let location = o.location(of: "methods")
        configuration.methods = names.map { name in
            sections[name] ?? Self.method(name, section: "\(section).\(name.rawValue)", at: location)
        }
        if names.isEmpty {
            let header = ConfigurationDiagnostic.header(of: section)
            o.warn("methods", "no authentication method is configured, nobody can log in; write [\(header).internal]")
        }
    }

    private func readMethod(
        _ name: MethodName, _ o: inout OptionReader
    ) throws(OptionError) -> AuthenticationConfiguration.Method? {
        let location = o.location(of: name.rawValue)
        var method = Self.method(name, section: o.keyPath(name.rawValue), at: location)
        let isThere = try o.readTable(name.rawValue) { (o: inout OptionReader) throws(OptionError) in
            switch name {
            case .internal:
                try readBackend(["mnesia", BackendSelection.localStoreName], &method, &o)
            case .anonymous:
                try readBackend(["mnesia", "cets"], &method, &o)
                var options = AuthenticationConfiguration.AnonymousOptions()
                try options.read(&o)
            case .rdbms:
                o.ignore("users_number_estimate", unless: false)
            default:
                // The options of a method that this program does not have are for the one that will: accept them.
                o.takeAll()
            }
            method.options = o.table
            method.options.remove("backend")
        }
        return isThere ? method : nil
    }

    private func readBackend(
        _ names: [String], _ method: inout AuthenticationConfiguration.Method, _ o: inout OptionReader
    ) throws(OptionError) {
        guard let entry = o.take("backend") else { return }
        guard let name = entry.value.string, names.contains(name) else {
            let allowed = names.map { "\"\($0)\"" }.joined(separator: ", ")
            return try o.reject("backend", "expected one of \(allowed), found \(entry.value.summary)")
        }
        method.backend?.name = name
        method.backend?.origin = .written
        method.backend?.location = entry.location
    }

    private static func method(
        _ name: MethodName, section: String, at location: SourceLocation
    ) -> AuthenticationConfiguration.Method {
        let backend: (name: String, lifetime: BackendSelection.Lifetime)? =
            switch name {
            case .internal: ("mnesia", .persistent)
            case .anonymous: ("mnesia", .process)
            case .rdbms: (BackendSelection.databaseName, .persistent)
            default: nil
            }
        let selection = backend.map {
            BackendSelection($0.name, origin: .implied, lifetime: $0.lifetime, section: section, at: location)
        }
        return .init(name, backend: selection, at: location)
    }
}

/// `[auth.password]`.
private struct PasswordSection: ModuleOptions {
    var format = AuthenticationConfiguration.PasswordFormat.scram
    var hashes = HashFunction.allCases
    var iterationCount = SCRAMCredential.iterationCountDefault

    mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.read("format", into: &format)
        var names: [HashName] = []
        try o.read("hash", into: &names)
        if !names.isEmpty { hashes = names.map(\.hash) }
        try o.read("scram_iterations", into: &iterationCount, in: 1...SCRAMCredential.iterationCountMax)
    }
}

/// A hash function under its configuration name.
private enum HashName: String, CaseIterable {
    case sha, sha224, sha256, sha384, sha512

    var hash: HashFunction {
        switch self {
        case .sha: .sha1
        case .sha224: .sha224
        case .sha256: .sha256
        case .sha384: .sha384
        case .sha512: .sha512
        }
    }
}

/// A SASL mechanism under its configuration name.
private enum MechanismName: String, CaseIterable {
    case scramSHA512Plus = "scram_sha512_plus"
    case scramSHA512 = "scram_sha512"
    case scramSHA384Plus = "scram_sha384_plus"
    case scramSHA384 = "scram_sha384"
    case scramSHA256Plus = "scram_sha256_plus"
    case scramSHA256 = "scram_sha256"
    case scramSHA224Plus = "scram_sha224_plus"
    case scramSHA224 = "scram_sha224"
    case scramSHA1Plus = "scram_sha1_plus"
    case scramSHA1 = "scram_sha1"
    case plain, anonymous, oauth, external, digest

    /// The mechanism; nil for one that this program does not have.
    var mechanism: SASLMechanism? {
        switch self {
        case .scramSHA512Plus: .scramPlus(.sha512)
        case .scramSHA512: .scram(.sha512)
        case .scramSHA384Plus: .scramPlus(.sha384)
        case .scramSHA384: .scram(.sha384)
        case .scramSHA256Plus: .scramPlus(.sha256)
        case .scramSHA256: .scram(.sha256)
        case .scramSHA224Plus: .scramPlus(.sha224)
        case .scramSHA224: .scram(.sha224)
        case .scramSHA1Plus: .scramPlus(.sha1)
        case .scramSHA1: .scram(.sha1)
        case .plain: .plain
        case .anonymous: .anonymous
        case .oauth, .external, .digest: nil
        }
    }
}
