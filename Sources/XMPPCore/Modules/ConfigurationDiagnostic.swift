// SPDX-License-Identifier: Apache-2.0
// What reading the configuration has to say to the operator: errors, which keep the server from starting, and warnings.

/// One error or warning about the configuration, with the line and the key it is about.
public struct ConfigurationDiagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    /// How bad it is.
    public enum Severity: String, Sendable {
        /// The server does not start.
        case error
        /// The server starts; something that was written has no effect, or not the one its author may expect.
        case warning
    }

    /// How bad it is.
    public var severity: Severity
    /// The line of the key.
    public var location: SourceLocation
    /// The key with its sections, such as `modules.mod_ping.ping_interval`; elements of arrays are counted from 1, as
    /// in `listen.c2s[2].port`. Empty when the file as a whole is meant.
    public var keyPath: String
    /// What is wrong and what is allowed, as one sentence without a full stop.
    public var message: String

    /// A diagnostic about `keyPath`, which was written at `location`.
    public init(_ severity: Severity, at location: SourceLocation, keyPath: String, _ message: String) {
        self.severity = severity
        self.location = location
        self.keyPath = keyPath
        self.message = message
    }

    /// One line: `mimd.toml:12: error: modules.mod_ping.ping_interval: expected ...`.
    public var description: String {
        let subject = keyPath.isEmpty ? "" : "\(keyPath): "
        return "\(location): \(severity.rawValue): \(subject)\(message)"
    }
}

/// Everything that was found wrong in one configuration, reported together.
public struct InvalidConfiguration: Error, Sendable, CustomStringConvertible {
    /// The errors and the warnings, in the order of the file.
    public var diagnostics: [ConfigurationDiagnostic]

    /// The error that consists of `diagnostics`.
    public init(_ diagnostics: [ConfigurationDiagnostic]) {
        self.diagnostics = diagnostics
    }

    /// One line for each diagnostic.
    public var description: String {
        diagnostics.map(\.description).joined(separator: "\n")
    }
}

extension ConfigurationDiagnostic {
    /// `known` names put into words for an error about `name`: the nearest one where there is one near enough, then
    /// all.
    ///
    /// Near enough is an edit distance of at most a third of the length, at least 1: `bufer_max` finds `buffer_max`.
    public static func suggestion(for name: String, among known: [String], noun: String) -> String {
        guard !known.isEmpty else { return "no \(noun) is allowed here" }
        let all = "allowed: \(known.sorted().joined(separator: ", "))"
        guard let nearest = nearest(to: name, among: known) else { return all }
        return "did you mean \"\(nearest)\"? (\(all))"
    }

    /// The key path of a section as its header in TOML has it, which is without the numbers of elements.
    public static func header(of section: String) -> String {
        section.split(separator: ".").map { $0.split(separator: "[").first ?? $0 }.joined(separator: ".")
    }

    /// The name out of `known` that someone who wrote `name` may have meant; nil when none is near enough.
    public static func nearest(to name: String, among known: [String]) -> String? {
        let distances = known.sorted().map { (name: $0, distance: editDistance(name, $0)) }
        guard let nearest = distances.min(by: { $0.distance < $1.distance }),
            nearest.distance <= max(1, nearest.name.count / 3)
        else { return nil }
        return nearest.name
    }
}

/// The number of characters to insert, delete, replace or swap with a neighbour to turn `one` into `other` (optimal
/// string alignment). Names longer than 64 characters count as wholly different, so that the cost stays bounded.
func editDistance(_ one: String, _ other: String) -> Int {
    let a = Array(one.utf8)
    let b = Array(other.utf8)
    guard a.count <= 64, b.count <= 64 else { return max(a.count, b.count) }
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforePrevious = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in 1...a.count {
        var current = [i] + [Int](repeating: 0, count: b.count)
        for j in 1...b.count {
            let replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
            current[j] = min(replaced, previous[j] + 1, current[j - 1] + 1)
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                current[j] = min(current[j], beforePrevious[j - 2] + 1)
            }
        }
        beforePrevious = previous
        previous = current
    }
    return previous[b.count]
}
