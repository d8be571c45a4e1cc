// SPDX-License-Identifier: Apache-2.0
// Tables inside a table, and arrays of them: options that have options.

extension OptionReader {
    /// Reads a nested table, such as `[modules.mod_stream_management.stale_h]`.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read<Options: ModuleOptions>(
        _ key: String, into value: inout Options
    ) throws(OptionError) {
        if let options: Options = try nested(key) { value = options }
    }

    /// Reads a nested table that may be absent, which leaves the property as it is.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read<Options: ModuleOptions>(
        _ key: String, into value: inout Options?
    ) throws(OptionError) {
        if let options: Options = try nested(key) { value = options }
    }

    /// Reads an array of tables, such as `[[modules.mod_register.ip_access]]`, in their order.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read<Options: ModuleOptions>(
        _ key: String, into value: inout [Options]
    ) throws(OptionError) {
        guard let readers = try readers(ofTablesIn: key) else { return }
        value = []
        for var reader in readers {
            var options = Options()
            options.read(with: &reader)
            try absorb(reader)
            value.append(options)
        }
    }

    /// Reads a nested table in place. The closure reads its keys; the ones it does not ask for are errors.
    ///
    /// Write the closure's type out, for the compiler infers no typed throws:
    /// `try o.readTable("tls") { (o: inout OptionReader) throws(OptionError) in ... }`.
    /// - Returns: whether the table was there.
    /// - Throws: when ``errorCountMax`` is reached.
    @discardableResult
    public mutating func readTable(
        _ key: String, _ body: (inout OptionReader) throws(OptionError) -> Void
    ) throws(OptionError) -> Bool {
        guard let reader = try reader(ofTableIn: key) else { return false }
        try run(reader, body)
        return true
    }

    /// Reads an array of tables in place, calling the closure once for each.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func readTables(
        _ key: String, _ body: (inout OptionReader) throws(OptionError) -> Void
    ) throws(OptionError) {
        for reader in try readers(ofTablesIn: key) ?? [] { try run(reader, body) }
    }

    /// Reads a table whose keys are names that the operator chose, each of them with a table, such as
    /// `[shaper.normal]`. The closure gets the name and a reader of its table.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func readNamedTables(
        _ key: String, _ body: (String, inout OptionReader) throws(OptionError) -> Void
    ) throws(OptionError) {
        guard var outer = try reader(ofTableIn: key) else { return }
        for entry in outer.table.entries {
            try outer.readTable(entry.key) { (inner: inout OptionReader) throws(OptionError) in
                try body(entry.key, &inner)
            }
        }
        try absorb(outer)
    }

    private mutating func run(
        _ reader: OptionReader, _ body: (inout OptionReader) throws(OptionError) -> Void
    ) throws(OptionError) {
        var inner = reader
        do {
            try body(&inner)
            inner.rejectUnknownKeys()
        } catch {
            inner.note(error)
        }
        try absorb(inner)
    }

    private mutating func nested<Options: ModuleOptions>(_ key: String) throws(OptionError) -> Options? {
        guard var reader = try reader(ofTableIn: key) else { return nil }
        var options = Options()
        options.read(with: &reader)
        try absorb(reader)
        return options
    }

    private mutating func reader(ofTableIn key: String) throws(OptionError) -> OptionReader? {
        guard let entry = take(key) else { return nil }
        guard case .table(let table) = entry.value.kind else {
            try mismatch(entry, expected: "a table")
            return nil
        }
        return OptionReader(table, path: keyPath(key), at: entry.location)
    }

    private mutating func readers(ofTablesIn key: String) throws(OptionError) -> [OptionReader]? {
        guard let entry = take(key) else { return nil }
        let path = keyPath(key)
        var index = 0
        return try elements(of: entry, expected: "a table") { element in
            index += 1
            return element.table.map { OptionReader($0, path: "\(path)[\(index)]", at: element.location) }
        }
    }
}
