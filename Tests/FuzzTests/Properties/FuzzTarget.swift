// SPDX-License-Identifier: Apache-2.0
// What is fed with damaged input, and what must hold whatever comes. The tests of this folder and the coverage-guided
// fuzzer in Fuzzing/ check the same properties.

/// A part of the server that reads bytes of others.
enum FuzzTarget: String, CaseIterable, Sendable {
    /// The XML of a stream.
    case xml
    /// Stanzas, made of one element of `jabber:client`.
    case stanza
    /// Addresses.
    case jid
    /// SASL messages, Base 64 and the text of stored credentials.
    case sasl
    /// The configuration file.
    case toml
    /// Erlang's terms, of which archived messages are made.
    case term

    /// Checks every property of the target.
    ///
    /// - Throws: what does not hold. Traps and memory errors are for the process to die of.
    func check(_ input: [UInt8]) throws(PropertyViolation) {
        switch self {
        case .xml: try XMLProperties.check(input)
        case .stanza: try StanzaProperties.check(input)
        case .jid: try JIDProperties.check(input)
        case .sasl: try SASLProperties.check(input)
        case .toml: try TOMLProperties.check(input)
        case .term: try TermProperties.check(input)
        }
    }
}

/// A property that does not hold for some input.
struct PropertyViolation: Error, CustomStringConvertible {
    let description: String

    /// Inputs are bytes of all kinds, and some are long.
    init(_ description: String) {
        self.description = String(description.unicodeScalars.prefix(2_000).map { Character($0) })
    }
}

/// Says what does not hold, unless it does.
func require(_ holds: Bool, _ property: @autoclosure () -> String) throws(PropertyViolation) {
    if !holds { throw PropertyViolation(property()) }
}

/// What must be there; says so if it is not.
func require<Value>(some value: Value?, _ property: @autoclosure () -> String) throws(PropertyViolation) -> Value {
    guard let value else { throw PropertyViolation(property()) }
    return value
}

extension [UInt8] {
    /// A number made of the bytes, for choices that an input decides without holding them (FNV-1a).
    var fingerprint: Int {
        Int(truncatingIfNeeded: reduce(2_166_136_261) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 } >> 1)
    }
}
