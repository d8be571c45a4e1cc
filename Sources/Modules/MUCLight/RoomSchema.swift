// SPDX-License-Identifier: Apache-2.0
// Which fields the configuration of rooms has: MongooseIM's `config_schema`.

public import XMPPCore

/// The fields of rooms' configurations.
public struct RoomSchema: Hashable, Sendable {
    /// A field.
    public struct Field: Hashable, Sendable {
        /// What values a field has.
        public enum Kind: String, Hashable, Sendable, CaseIterable {
            /// Any text.
            case string
            /// A whole number of 64 bits.
            case integer
            /// A finite number.
            case float
            /// `true` or `false`.
            case boolean
        }

        /// The name that clients see.
        public var name: String
        /// The name under which it is stored.
        public var key: String
        /// What values it has.
        public var kind: Kind
        /// The value in a room whose creator names none.
        public var initial: String

        /// Makes a field.
        public init(_ name: String, key: String? = nil, _ kind: Kind = .string, initial: String) {
            self.name = name
            self.key = key ?? name
            self.kind = kind
            self.initial = initial
        }
    }

    /// The longest value of a field, in bytes of UTF-8.
    public static let valueByteCountMax = 4_096
    /// The longest name or key of a field, in bytes: the width of MongooseIM's column.
    public static let nameByteCountMax = 100
    /// The names that the protocol has for something else.
    public static let reservedNames = ["version", "prev-version"]
    /// The key of the field that every occupant may change.
    public static let subjectKey = "subject"
    /// The key of the field that lets every occupant change the configuration.
    public static let everybodyConfiguresKey = "all_can_configure"
    /// The key of the field that lets every occupant add others.
    public static let everybodyInvitesKey = "all_can_invite"

    /// The fields in the order in which clients see them.
    public var fields: [Field]

    /// Makes a schema; MongooseIM's unless told otherwise.
    public init(fields: [Field] = [Field(Room.nameKey, initial: "Untitled"), Field(subjectKey, initial: "")]) {
        self.fields = fields
    }
}

extension RoomSchema {
    /// The values that a client has written down, as fields of a room.
    ///
    /// - Parameter element: with a child for each field.
    /// - Throws: `.badRequest`, `.notAcceptable` for a value that is too long.
    func values(in element: Element) throws(StanzaError) -> [RoomField] {
        var values: [RoomField] = []
        for child in element.children {
            let name = child.name
            guard child.namespace == element.namespace, let field = fields.first(where: { $0.name == name }) else {
                throw StanzaError(.badRequest, text: "unknown field")
            }
            guard child.children.first == nil, !values.contains(where: { $0.key == field.key }) else {
                throw .badRequest
            }
            let text = child.text
            guard text.utf8.count <= Self.valueByteCountMax else { throw .notAcceptable }
            guard let value = field.kind.value(of: text) else {
                throw StanzaError(.badRequest, text: "not a value of the field")
            }
            values.append(RoomField(field.key, value))
        }
        return values
    }

    /// The configuration of a new room.
    func configuration(with values: [RoomField]) -> [RoomField] {
        fields.map { field in values.first { $0.key == field.key } ?? RoomField(field.key, field.initial) }
    }

    /// A room's value of a field, or the one that new rooms have; nil when there is no such field.
    func value(_ key: String, in room: Room) -> String? {
        guard let field = fields.first(where: { $0.key == key }) else { return nil }
        return room.configuration.first { $0.key == key }?.value ?? field.initial
    }

    /// Writes fields into the element that is open. What is stored and no field any more is left out.
    func write(_ values: [RoomField], _ namespace: Namespace, to builder: inout ElementBuilder) {
        for field in fields {
            guard let value = values.first(where: { $0.key == field.key }) else { continue }
            builder.element(field.name, namespace, text: value.value)
        }
    }

    /// All that a room is configured with.
    func values(of room: Room) -> [RoomField] {
        fields.map { RoomField($0.key, value($0.key, in: room) ?? $0.initial) }
    }
}

extension RoomSchema.Field.Kind {
    /// The text by which a value is stored; nil for a text that is no value.
    fileprivate func value(of text: String) -> String? {
        switch self {
        case .string: text
        case .integer: Int64(text.trimmingXMLSpace()).map { "\($0)" }
        case .float: Double(text.trimmingXMLSpace()).flatMap { $0.isFinite ? "\($0)" : nil }
        case .boolean: ["true", "false"].contains(text.trimmingXMLSpace()) ? text.trimmingXMLSpace() : nil
        }
    }
}

extension RoomSchema.Field: ModuleOptions {
    /// A field without a name.
    public init() { self.init("", initial: "") }

    /// Reads an element of `config_schema`.
    public mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.require("field")
        try o.read("field", into: &name, byteCountMax: RoomSchema.nameByteCountMax)
        if RoomSchema.reservedNames.contains(name) {
            try o.reject("field", "\"\(name)\" means something else in the protocol")
        } else if !name.isEmpty, !Self.isElementName(name) {
            try o.reject("field", "\"\(name)\" cannot be the name of an element")
        }
        var values: [(Kind, String)] = []
        try readValue(&o, &values)
        if values.count != 1 {
            let keys = Kind.allCases.map { "\"\($0.rawValue)_value\"" }.joined(separator: ", ")
            try o.reject("field", "needs exactly one of \(keys)")
        }
        if let (kind, text) = values.first { (self.kind, initial) = (kind, text) }
        key = name
        try o.read("internal_key", into: &key, byteCountMax: RoomSchema.nameByteCountMax)
    }

    private func readValue(_ o: inout OptionReader, _ values: inout [(Kind, String)]) throws(OptionError) {
        var text: String?
        try o.read("string_value", into: &text, byteCountMin: 0, byteCountMax: RoomSchema.valueByteCountMax)
        if let text { values.append((.string, text)) }
        if o.take("integer_value") != nil {
            var number = 0
            try o.read("integer_value", into: &number, in: .min ... .max)
            values.append((.integer, "\(number)"))
        }
        if o.take("float_value") != nil {
            var number = 0.0
            let largest = Double.greatestFiniteMagnitude
            try o.read("float_value", into: &number, in: -largest...largest)
            values.append((.float, "\(number)"))
        }
        if o.take("boolean_value") != nil {
            var flag = false
            try o.read("boolean_value", into: &flag)
            values.append((.boolean, "\(flag)"))
        }
    }

    /// Of ASCII only, which is what clients expect of names in a program.
    private static func isElementName(_ name: String) -> Bool {
        guard let first = name.utf8.first else { return false }
        func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
        return (isLetter(first) || first == UInt8(ascii: "_"))
            && name.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "_-.".utf8.contains($0) }
    }
}
