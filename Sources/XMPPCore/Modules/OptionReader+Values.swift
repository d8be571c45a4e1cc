// SPDX-License-Identifier: Apache-2.0
// The plain values that an option can be: numbers, strings, names from a list, durations.

/// The unit in which a configuration key counts time. The key's documentation, not its name, says which.
public enum DurationUnit: Sendable {
    case milliseconds
    case seconds
    case minutes
    case hours
    case days

    var plural: String { "\(self)" }

    func duration(_ count: Int) -> Duration {
        switch self {
        case .milliseconds: .milliseconds(count)
        case .seconds: .seconds(count)
        case .minutes: .seconds(count.multipliedReportingOverflow(by: 60).partialValue)
        case .hours: .seconds(count.multipliedReportingOverflow(by: 3_600).partialValue)
        case .days: .seconds(count.multipliedReportingOverflow(by: 86_400).partialValue)
        }
    }
}

/// The word that MongooseIM's configuration uses for "no limit".
private let infinity = "infinity"

extension OptionReader {
    /// The most units of time that a key may ask for when its reader names no range: three years of milliseconds.
    public static let durationCountMax = 100_000_000_000

    /// Reads an integer.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(
        _ key: String, into value: inout Int, in range: ClosedRange<Int>
    ) throws(OptionError) {
        guard let entry = take(key) else { return }
        guard case .integer(let integer) = entry.value.kind, range.contains(integer) else {
            return try mismatch(entry, expected: "an integer \(Self.words(for: range))")
        }
        value = integer
    }

    /// Reads an optional limit: an integer, or `"infinity"` for nil.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(
        _ key: String, into value: inout Int?, in range: ClosedRange<Int>
    ) throws(OptionError) {
        guard let entry = take(key) else { return }
        switch entry.value.kind {
        case .string(infinity): value = nil
        case .integer(let integer) where range.contains(integer): value = integer
        default: try mismatch(entry, expected: "an integer \(Self.words(for: range)), or \"infinity\"")
        }
    }

    /// Reads a number, with or without a fraction.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(
        _ key: String, into value: inout Double, in range: ClosedRange<Double>
    ) throws(OptionError) {
        guard let entry = take(key) else { return }
        switch entry.value.kind {
        case .float(let float) where range.contains(float): value = float
        case .integer(let integer) where range.contains(Double(integer)): value = Double(integer)
        default: try mismatch(entry, expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// Reads `true` or `false`.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(_ key: String, into value: inout Bool) throws(OptionError) {
        guard let entry = take(key) else { return }
        guard case .boolean(let boolean) = entry.value.kind else {
            return try mismatch(entry, expected: "true or false")
        }
        value = boolean
    }

    /// Reads a string of at most `byteCountMax` bytes; an empty one is refused unless `byteCountMin` is 0.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(
        _ key: String, into value: inout String, byteCountMin: Int = 1, byteCountMax: Int = 4_096
    ) throws(OptionError) {
        if let string = try readString(key, byteCountMin, byteCountMax) { value = string }
    }

    /// Reads a string that may be absent, which leaves the property as it is.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(
        _ key: String, into value: inout String?, byteCountMin: Int = 1, byteCountMax: Int = 4_096
    ) throws(OptionError) {
        if let string = try readString(key, byteCountMin, byteCountMax) { value = string }
    }

    /// Reads an array of strings, none of them empty.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(_ key: String, into value: inout [String]) throws(OptionError) {
        guard let entry = take(key) else { return }
        value =
            try elements(of: entry, expected: "a string") { element in
                element.string.flatMap { $0.isEmpty ? nil : $0 }
            } ?? value
    }

    /// Reads one name of a list: the raw values of an enum.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read<Name>(_ key: String, into value: inout Name) throws(OptionError)
    where Name: RawRepresentable & CaseIterable, Name.RawValue == String {
        guard let entry = take(key) else { return }
        value = try name(entry) ?? value
    }

    /// Reads one name of a list that may be absent, which leaves the property as it is.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read<Name>(_ key: String, into value: inout Name?) throws(OptionError)
    where Name: RawRepresentable & CaseIterable, Name.RawValue == String {
        guard let entry = take(key) else { return }
        value = try name(entry) ?? value
    }

    /// Reads an array of names of a list. Names that occur twice are kept once, in the first place.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read<Name>(_ key: String, into value: inout [Name]) throws(OptionError)
    where Name: RawRepresentable & CaseIterable & Equatable, Name.RawValue == String {
        guard let entry = take(key) else { return }
        let names = Name.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        let read = try elements(of: entry, expected: "one of \(names)") { element in
            element.string.flatMap { Name(rawValue: $0) }
        }
        guard let read else { return }
        value = []
        for name in read where !value.contains(name) { value.append(name) }
    }

    /// Reads a duration, given as a whole number of `unit`s.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(
        _ key: String, into value: inout Duration, unit: DurationUnit, in range: ClosedRange<Int> = 0...durationCountMax
    ) throws(OptionError) {
        guard let entry = take(key) else { return }
        guard case .integer(let count) = entry.value.kind, range.contains(count) else {
            return try mismatch(entry, expected: "a number of \(unit.plural) \(Self.words(for: range))")
        }
        value = unit.duration(count)
    }

    /// Reads an optional duration, given as a whole number of `unit`s, or `"infinity"` for nil.
    /// - Throws: when ``errorCountMax`` is reached.
    public mutating func read(
        _ key: String, into value: inout Duration?, unit: DurationUnit,
        in range: ClosedRange<Int> = 0...durationCountMax
    ) throws(OptionError) {
        guard let entry = take(key) else { return }
        switch entry.value.kind {
        case .string(infinity): value = nil
        case .integer(let count) where range.contains(count): value = unit.duration(count)
        default: try mismatch(entry, expected: "a number of \(unit.plural) \(Self.words(for: range)), or \"infinity\"")
        }
    }

    // MARK: Helpers

    private mutating func readString(
        _ key: String, _ byteCountMin: Int, _ byteCountMax: Int
    ) throws(OptionError) -> String? {
        guard let entry = take(key) else { return nil }
        guard case .string(let string) = entry.value.kind else {
            try mismatch(entry, expected: "a string")
            return nil
        }
        guard string.utf8.count >= byteCountMin else {
            try reject(key, "must not be empty")
            return nil
        }
        guard string.utf8.count <= byteCountMax else {
            try reject(key, "is \(string.utf8.count) bytes long, at most \(byteCountMax) are allowed")
            return nil
        }
        return string
    }

    private mutating func name<Name>(_ entry: ConfigurationTable.Entry) throws(OptionError) -> Name?
    where Name: RawRepresentable & CaseIterable, Name.RawValue == String {
        if let string = entry.value.string, let name = Name(rawValue: string) { return name }
        let names = Name.allCases.map { "\"\($0.rawValue)\"" }
        let expected = names.count == 1 ? names[0] : "one of \(names.joined(separator: ", "))"
        try mismatch(entry, expected: expected)
        return nil
    }

    /// The elements of an array, each turned by `transform`; nil, with the errors noted, when any is wrong.
    mutating func elements<Element>(
        of entry: ConfigurationTable.Entry, expected: String, _ transform: (ConfigurationValue) -> Element?
    ) throws(OptionError) -> [Element]? {
        guard case .array(let values) = entry.value.kind else {
            try mismatch(entry, expected: "an array, each element \(expected)")
            return nil
        }
        var elements: [Element] = []
        for (index, value) in values.enumerated() {
            if let element = transform(value) {
                elements.append(element)
            } else {
                let path = "\(keyPath(entry.key))[\(index + 1)]"
                try mismatch(entry, at: path, expected: expected, found: value)
            }
        }
        return elements.count == values.count ? elements : nil
    }

    private static func words(for range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (Int.min, Int.max): "of any size"
        case (let lower, Int.max), (let lower, durationCountMax): "that is at least \(lower)"
        case (Int.min, let upper): "that is at most \(upper)"
        case (let lower, let upper): "from \(lower) to \(upper)"
        }
    }
}
