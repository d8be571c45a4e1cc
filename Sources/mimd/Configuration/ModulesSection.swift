// SPDX-License-Identifier: Apache-2.0
// The section `modules`, of the whole server or of one host.

import XMPPCore

extension OptionReader {
    /// Reads `[modules]`: those that the catalogue supports, with what it knows of them checked; a warning for each
    /// that only MongooseIM has, an error for each that nobody has.
    mutating func readModules(_ catalogue: ModuleCatalogue) throws(OptionError) -> [ModuleConfiguration] {
        var modules: [ModuleConfiguration] = []
        for entry in table.entries {
            guard let known = catalogue.entries[entry.key] else {
                let nearest = ConfigurationDiagnostic.nearest(to: entry.key, among: Array(catalogue.entries.keys))
                let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
                try reject(entry.key, "unknown module\(hint)")
                continue
            }
            guard known.isSupported else {
                ignore(entry.key, because: "this module is not supported yet, it does not run")
                continue
            }
            var module: ModuleConfiguration?
            try readTable(entry.key) { (o: inout OptionReader) throws(OptionError) in
                module = try o.readModule(entry.key, known)
            }
            if let module { modules.append(module) }
        }
        // Each of them has been reported by now.
        takeAll()
        try checkRequirements(of: modules, catalogue)
        return modules
    }

    private mutating func checkRequirements(
        of modules: [ModuleConfiguration], _ catalogue: ModuleCatalogue
    ) throws(OptionError) {
        for module in modules {
            for name in catalogue.entries[module.name]?.requirements ?? []
            where !modules.contains(where: { $0.name == name }) {
                let header = ConfigurationDiagnostic.header(of: keyPath(name))
                try reject(module.name, "needs the module \(name), which is not configured; write [\(header)]")
            }
        }
    }

    private mutating func readModule(
        _ name: String, _ known: ModuleCatalogue.Entry
    ) throws(OptionError) -> ModuleConfiguration {
        var module = ModuleConfiguration(name, options: table, at: location)
        module.options.remove("iqdisc")
        ignore("iqdisc", because: "has no effect: a module's requests are handled in order on the session's event loop")
        if let implied = known.impliedBackend {
            module.backend = BackendSelection(
                implied, origin: .implied, lifetime: known.lifetime, section: path, at: location)
            module.options.remove("backend")
            try readBackend(known, &module)
            try readParts(known, &module)
        }
        if let options = known.options {
            try check(options, module)
        } else {
            // The module reads its options when it is made, and reports what is wrong with them then.
            takeAll()
        }
        return module
    }

    private mutating func readBackend(
        _ known: ModuleCatalogue.Entry, _ module: inout ModuleConfiguration
    ) throws(OptionError) {
        guard let entry = take("backend") else { return }
        guard let name = entry.value.string, known.backends.contains(name) else {
            let allowed = known.backends.map { "\"\($0)\"" }.joined(separator: ", ")
            return try reject("backend", "expected one of \(allowed), found \(entry.value.summary)")
        }
        module.backend?.name = name
        module.backend?.origin = .written
        module.backend?.location = entry.location
    }

    /// Reads where the parts of a module's data lie. What else their tables say is the module's to read.
    private mutating func readParts(
        _ known: ModuleCatalogue.Entry, _ module: inout ModuleConfiguration
    ) throws(OptionError) {
        guard !known.parts.isEmpty else { return }
        for name in known.parts {
            guard let entry = table.entry(name), case .table(let part) = entry.value.kind else { continue }
            var backend = module.backend
            if let written = part.entry("backend") {
                backend = try selection(written, in: "\(path).\(name)", known)
            }
            module.parts[name] = backend
        }
        for (key, name) in known.partKeys {
            for (section, table) in [(path, table)] + known.parts.compactMap({ self.part($0) }) {
                guard let written = table.entry(key) else { continue }
                module.parts[name] = try selection(written, in: section, known)
            }
        }
        module.backend = nil
    }

    private func part(_ name: String) -> (String, ConfigurationTable)? {
        guard case .table(let part) = table.entry(name)?.value.kind else { return nil }
        return ("\(path).\(name)", part)
    }

    /// The backend that an entry names, in the section of a part.
    private mutating func selection(
        _ entry: ConfigurationTable.Entry, in section: String, _ known: ModuleCatalogue.Entry
    ) throws(OptionError) -> BackendSelection? {
        guard let name = entry.value.string, known.backends.contains(name) else {
            let allowed = known.backends.map { "\"\($0)\"" }.joined(separator: ", ")
            try note(
                .init(
                    .error, at: entry.location, keyPath: "\(section).\(entry.key)",
                    "expected one of \(allowed), found \(entry.value.summary)"))
            return nil
        }
        return BackendSelection(
            name, origin: .written, lifetime: known.lifetime, section: section, key: entry.key, at: entry.location)
    }

    private mutating func check(
        _ options: any ModuleOptions.Type, _ module: ModuleConfiguration
    ) throws(OptionError) {
        var found: [ConfigurationDiagnostic] = []
        options.check(module.options, path: path, at: location, diagnostics: &found)
        takeAll()
        for diagnostic in found { try note(diagnostic) }
    }
}

extension ModuleOptions {
    /// Reads for the sake of the diagnostics.
    fileprivate static func check(
        _ table: ConfigurationTable, path: String, at location: SourceLocation,
        diagnostics: inout [ConfigurationDiagnostic]
    ) {
        // The module reads them again when it is made.
        _ = reading(table, path: path, at: location, diagnostics: &diagnostics)
    }
}
