// SPDX-License-Identifier: Apache-2.0
// A TOML text as a tree of values with their lines. TOMLKit parses; TOMLLineFinder says where things are.

import TOMLKit
import XMPPCore

/// Reads TOML 1.0 into a ``ConfigurationTable``.
enum TOMLDocument {
    /// The table that `text`, read from `file`, consists of. What no option can be, such as a date, is left out and
    /// noted in `diagnostics`.
    ///
    /// - Throws: ``InvalidConfiguration`` with one error when the text is not TOML.
    static func table(
        _ text: String, file: String, diagnostics: inout [ConfigurationDiagnostic]
    ) throws(InvalidConfiguration) -> ConfigurationTable {
        let lines: TOMLLines
        do throws(TOMLLineFinder.Problem) {
            lines = try TOMLLineFinder.lines(of: text)
        } catch {
            let message = "this is not TOML: \(error.message)"
            let location = SourceLocation(file: file, line: error.line)
            throw InvalidConfiguration([.init(.error, at: location, keyPath: "", message)])
        }
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let location = SourceLocation(file: file, line: error.source.begin.line)
            let message = "this is not TOML: \(error.description) (column \(error.source.begin.column))"
            throw InvalidConfiguration([.init(.error, at: location, keyPath: "", message)])
        } catch {
            let location = SourceLocation(file: file, line: 0)
            throw InvalidConfiguration([.init(.error, at: location, keyPath: "", "this is not TOML: \(error)")])
        }
        var converter = Converter(file: file)
        let table = withExtendedLifetime(root) {
            converter.table(root, lines, path: "")
        }
        diagnostics += converter.diagnostics
        return table
    }
}

private struct Converter {
    let file: String
    var diagnostics: [ConfigurationDiagnostic] = []

    init(file: String) {
        self.file = file
    }

    mutating func table(_ table: TOMLTable, _ lines: TOMLLines?, path: String) -> ConfigurationTable {
        // TOMLKit sorts keys by name; the lines know their order in the file.
        let places = Dictionary((lines?.keys ?? []).enumerated().map { ($1, $0) }) { first, _ in first }
        let keys = table.keys.sorted { places[$0, default: .max] < places[$1, default: .max] }
        var entries: [ConfigurationTable.Entry] = []
        for key in keys {
            let child = lines?.children[key]
            let location = SourceLocation(file: file, line: child?.line ?? 0)
            let keyPath = path.isEmpty ? key : "\(path).\(key)"
            guard let node = table[key], let value = value(node, child, at: location, path: keyPath) else { continue }
            entries.append(.init(key: key, at: location, value: value))
        }
        return ConfigurationTable(entries)
    }

    private mutating func value(
        _ node: any TOMLValueConvertible, _ lines: TOMLLines?, at location: SourceLocation, path: String
    ) -> ConfigurationValue? {
        if let string = node.string { return ConfigurationValue(.string(string), at: location) }
        if let integer = node.int { return ConfigurationValue(.integer(integer), at: location) }
        if let boolean = node.bool { return ConfigurationValue(.boolean(boolean), at: location) }
        if let float = node.double { return ConfigurationValue(.float(float), at: location) }
        if let inner = node.table { return ConfigurationValue(.table(table(inner, lines, path: path)), at: location) }
        if let array = node.array {
            var values: [ConfigurationValue] = []
            for index in 0..<array.count {
                let element = lines.flatMap { index < $0.elements.count ? $0.elements[index] : nil }
                let place = SourceLocation(file: file, line: element?.line ?? location.line)
                if let read = value(array[index], element, at: place, path: "\(path)[\(index + 1)]") {
                    values.append(read)
                }
            }
            return ConfigurationValue(.array(values), at: location)
        }
        diagnostics.append(.init(.error, at: location, keyPath: path, "dates and times are not allowed here"))
        return nil
    }
}
