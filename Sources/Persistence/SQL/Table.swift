// SPDX-License-Identifier: Apache-2.0
// The description of a table, from which each dialect prints its definition.

/// A table.
struct Table: Hashable, Sendable {
    enum RowSize: Hashable, Sendable {
        /// Names and short texts.
        case small
        /// Documents among them.
        case large
    }

    /// The name, which is MongooseIM's for every table that MongooseIM has.
    var name: String
    var columns: [Column]
    var primaryKey: [String]
    var indexes: [Index] = []
    var rowSize = RowSize.small
    /// Columns of indexes that are searched by ranges of bytes; see ``Dialect/byteComparisons``.
    var byteOrderedColumns: Set<String> = []

    var hasSerialKey: Bool { columns.contains { $0.type == .serial } }
}

/// An index that a table has beside its primary key.
struct Index: Hashable, Sendable, ExpressibleByArrayLiteral {
    enum Kind: Hashable, Sendable {
        /// Rows in the order of the columns.
        case ordered
        /// As `ordered`, and no two rows have the same columns.
        case unique
        /// Rows by the words of a text that has a space between; only where ``Dialect/findsWordsByIndex``.
        case words
    }

    var columns: [String]
    /// Columns that SQLite keeps in the index as well, behind the others: a condition on them then reads no rows.
    var coveredColumns: [String] = []
    /// The name; nil for one that is made of the table's and the columns'.
    var name: String?
    /// Under which other name MongooseIM has made such an index.
    var otherName: String?
    var kind = Kind.ordered
    /// Whether SQLite does without, where writing to one more place costs more than the index saves.
    var isOmittedBySQLite = false

    init(
        _ columns: [String], covering coveredColumns: [String] = [], name: String? = nil, otherName: String? = nil,
        kind: Kind = .ordered, isOmittedBySQLite: Bool = false
    ) {
        self.columns = columns
        self.coveredColumns = coveredColumns
        self.name = name
        self.otherName = otherName
        self.kind = kind
        self.isOmittedBySQLite = isOmittedBySQLite
    }

    init(arrayLiteral columns: String...) { self.init(columns) }
}

/// A column of a table.
struct Column: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// Text; `characterCountMax` is the bound of the databases that want one, nil for unbounded.
        case text(characterCountMax: Int?)
        /// One character that stands for a value of an enumeration.
        case code
        /// 32 bits where the database tells them apart.
        case integer
        /// 64 bits.
        case bigInteger
        /// 16 bits where the database tells them apart.
        case smallInteger
        case bytes
        /// True or false, which statements write as the numbers 1 and 0.
        case flag
        /// A number that the database gives to each row and never gives twice. It is the primary key.
        case serial
        /// The time of the insertion.
        case creationTime
    }

    enum Presence: Hashable, Sendable {
        case required
        case optional
    }

    var name: String
    var type: Kind
    var presence: Presence

    static func text(_ name: String, _ presence: Presence = .required) -> Column {
        Column(name: name, type: .text(characterCountMax: nil), presence: presence)
    }

    /// Text of at most 250 characters, MongooseIM's width for names and addresses.
    static func name(_ name: String) -> Column {
        Column(name: name, type: .text(characterCountMax: 250), presence: .required)
    }

    static func code(_ name: String) -> Column { Column(name: name, type: .code, presence: .required) }
    static func integer(_ name: String) -> Column { Column(name: name, type: .integer, presence: .required) }
    static func bigInteger(_ name: String, _ presence: Presence = .required) -> Column {
        Column(name: name, type: .bigInteger, presence: presence)
    }
    static func smallInteger(_ name: String) -> Column {
        Column(name: name, type: .smallInteger, presence: .required)
    }
    static func flag(_ name: String) -> Column { Column(name: name, type: .flag, presence: .required) }
    static func bytes(_ name: String, _ presence: Presence) -> Column {
        Column(name: name, type: .bytes, presence: presence)
    }
    static func serial(_ name: String) -> Column { Column(name: name, type: .serial, presence: .required) }
    static let createdAt = Column(name: "created_at", type: .creationTime, presence: .required)
}
