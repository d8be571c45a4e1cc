// SPDX-License-Identifier: Apache-2.0
// Terms of Erlang's: what is read of one is one element, and is read the same again.

import XMPPCore

@testable import XMPPPersistenceSQL

enum TermProperties {
    /// The input is a term as a database has it, and what is compressed in one.
    static func check(_ input: [UInt8]) throws(PropertyViolation) {
        try checkStanza(input)
        try checkStanza([ErlangTerm.version] + input)
        // How long it is said to be decides what memory it takes, and not whether it is read.
        for byteCount in [0, input.count, 1 << 12, Inflation.byteCountMax + 1] {
            do throws(ErlangTermError) {
                let inflated = try Inflation.inflate(input[...], to: byteCount)
                try require(inflated.count == byteCount && byteCount <= Inflation.byteCountMax)
            } catch {
                try require(error != .length, "an inflation ends in \(error)")
            }
        }
    }

    private static func require(_ holds: Bool) throws(ErlangTermError) { if !holds { throw .length } }

    private static func require(_ holds: Bool, _ property: @autoclosure () -> String) throws(PropertyViolation) {
        if !holds { throw PropertyViolation(property()) }
    }

    private static func checkStanza(_ column: [UInt8]) throws(PropertyViolation) {
        let xml: [UInt8]
        do throws(StorageError) { xml = try ArchivedStanza.xml(of: column) } catch {
            guard case .corrupt = error else { throw PropertyViolation("a column is refused with \(error)") }
            return try require(column.first == ErlangTerm.version, "a column that is no term is refused")
        }
        guard column.first == ErlangTerm.version else { return try require(xml == column, "XML was changed") }
        guard let element = Element(parsing: xml) else { throw PropertyViolation("a term was read as no element") }
        try require(Array(element.xml.utf8) == xml, "\(element) is written in two ways")
    }
}
