// SPDX-License-Identifier: Apache-2.0
// What the column of an archived message holds: XML, or a term of Erlang's, as MongooseIM writes by default.

import XMPPCore

enum ArchivedStanza {
    /// The stanza of a column, as XML.
    ///
    /// - Throws: ``StorageError/corrupt(detail:)``.
    static func xml(of column: [UInt8]) throws(StorageError) -> [UInt8] {
        guard column.first == ErlangTerm.version else { return column }
        throw .corrupt(detail: "a message is a term of Erlang's")
    }
}

enum ErlangTerm {
    /// The first byte of every term in the external format. No text in UTF-8 begins with it.
    static let version: UInt8 = 131
}
