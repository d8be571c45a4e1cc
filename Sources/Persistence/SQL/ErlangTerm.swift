// SPDX-License-Identifier: Apache-2.0
// Terms in Erlang's external format (the documentation of ERTS, "External Term Format"): the tags that stanzas are made
// of. Not here: functions, processes, fractions and numbers beyond 32 bits.

/// A term.
enum ErlangTerm: Equatable {
    case atom([UInt8])
    case integer(Int32)
    case binary([UInt8])
    case list([ErlangTerm])
    case tuple([ErlangTerm])
    /// Keys and values, in any order.
    case map([(ErlangTerm, ErlangTerm)])

    /// The first byte of every term. No text in UTF-8 begins with it.
    static let version: UInt8 = 131
    /// How deeply terms may be nested.
    static let depthMax = 512
    /// How many terms there may be in one: each takes some fifty bytes here, and may take one there.
    static let countMax = 200_000

    static func == (left: ErlangTerm, right: ErlangTerm) -> Bool {
        switch (left, right) {
        case (.atom(let left), .atom(let right)), (.binary(let left), .binary(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)): left == right
        case (.map(let left), .map(let right)): left.elementsEqual(right) { $0 == $1 }
        default: false
        }
    }
}

/// Why bytes are no term that is read here.
enum ErlangTermError: Error, Equatable {
    /// The bytes end too early, or go on behind the term.
    case length
    /// A tag that is not read.
    case tag(UInt8)
    /// Nested more deeply than ``ErlangTerm/depthMax``, more terms than ``ErlangTerm/countMax``, or longer than
    /// ``Inflation/byteCountMax`` when it is not compressed any more.
    case tooLarge
    /// A list that ends in something else than a list.
    case improperList
    /// What zlib compressed was damaged, or is not as long as it says.
    case compression
}

extension ErlangTerm {
    /// Reads a term that is all of some bytes.
    init(_ bytes: [UInt8]) throws(ErlangTermError) {
        guard bytes.count >= 2, bytes[0] == Self.version else { throw .length }
        guard bytes[1] == Tag.compressed else {
            self = try Self.decode(bytes[1...])
            return
        }
        guard bytes.count > 6 else { throw .length }
        let count = bytes[2..<6].reduce(0) { $0 << 8 | Int($1) }
        self = try Self.decode(try Inflation.inflate(bytes[6...], to: count)[...])
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) throws(ErlangTermError) -> ErlangTerm {
        var reader = Reader(rest: bytes)
        let term = try reader.term(depth: 0)
        guard reader.rest.isEmpty else { throw .length }
        return term
    }

    private enum Tag {
        static let compressed: UInt8 = 80
        static let smallInteger: UInt8 = 97
        static let integer: UInt8 = 98
        static let atom: UInt8 = 100
        static let smallTuple: UInt8 = 104
        static let largeTuple: UInt8 = 105
        static let `nil`: UInt8 = 106
        static let string: UInt8 = 107
        static let list: UInt8 = 108
        static let binary: UInt8 = 109
        static let smallAtom: UInt8 = 115
        static let map: UInt8 = 116
        static let atomUTF8: UInt8 = 118
        static let smallAtomUTF8: UInt8 = 119
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>
        var count = 0

        mutating func term(depth: Int) throws(ErlangTermError) -> ErlangTerm {
            count += 1
            guard depth < ErlangTerm.depthMax, count <= ErlangTerm.countMax else { throw .tooLarge }
            let tag = UInt8(try number(byteCount: 1))
            switch tag {
            case Tag.smallInteger: return .integer(Int32(try number(byteCount: 1)))
            case Tag.integer: return .integer(Int32(bitPattern: try number(byteCount: 4)))
            case Tag.smallAtom, Tag.smallAtomUTF8: return .atom(try bytes(countedBy: 1))
            case Tag.atom, Tag.atomUTF8: return .atom(try bytes(countedBy: 2))
            case Tag.binary: return .binary(try bytes(countedBy: 4))
            case Tag.nil: return .list([])
            case Tag.string:
                // A list of numbers below 256.
                let bytes = try bytes(countedBy: 2)
                count += bytes.count
                return .list(bytes.map { .integer(Int32($0)) })
            case Tag.smallTuple: return .tuple(try terms(countedBy: 1, depth: depth))
            case Tag.largeTuple: return .tuple(try terms(countedBy: 4, depth: depth))
            case Tag.list:
                let terms = try terms(countedBy: 4, depth: depth)
                guard try term(depth: depth + 1) == .list([]) else { throw .improperList }
                return .list(terms)
            case Tag.map:
                var pairs: [(ErlangTerm, ErlangTerm)] = []
                for _ in 0..<(try number(byteCount: 4)) {
                    pairs.append((try term(depth: depth + 1), try term(depth: depth + 1)))
                }
                return .map(pairs)
            default: throw .tag(tag)
            }
        }

        /// A list's or tuple's terms. How many there are to be is not believed before they are there.
        private mutating func terms(countedBy byteCount: Int, depth: Int) throws(ErlangTermError) -> [ErlangTerm] {
            var terms: [ErlangTerm] = []
            for _ in 0..<(try number(byteCount: byteCount)) { terms.append(try term(depth: depth + 1)) }
            return terms
        }

        private mutating func bytes(countedBy byteCount: Int) throws(ErlangTermError) -> [UInt8] {
            let count = Int(try number(byteCount: byteCount))
            guard rest.count >= count else { throw .length }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }

        private mutating func number(byteCount: Int) throws(ErlangTermError) -> UInt32 {
            guard rest.count >= byteCount else { throw .length }
            defer { rest = rest.dropFirst(byteCount) }
            return rest.prefix(byteCount).reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
