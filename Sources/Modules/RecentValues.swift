// SPDX-License-Identifier: Apache-2.0
// A cache of bounded size.

/// What was kept or asked for last, by its keys.
struct RecentValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Kept {
        var value: Value
        var weight: Int
    }
    private var young: [Key: Kept] = [:]
    private var old: [Key: Kept] = [:]
    private var weight = 0
    private let weightMax: Int

    /// - Parameter weightMax: what the values may weigh: at most twice this is held, for what was not asked for since the
    ///   last so much is dropped all at once.
    init(weightMax: Int) { self.weightMax = weightMax }

    /// What is kept under a key; nil when nothing is known of it.
    mutating func value(of key: Key) -> Value? {
        if let known = young[key] { return known.value }
        guard let known = old[key] else { return nil }
        keep(known.value, of: key, weight: known.weight)
        return known.value
    }

    mutating func keep(_ value: Value, of key: Key, weight added: Int = 1) {
        weight += added - (young[key]?.weight ?? 0)
        if weight > weightMax {
            old = young
            young = [:]
            weight = added
        }
        young[key] = Kept(value: value, weight: added)
    }

    mutating func forget(_ key: Key) {
        weight -= young[key]?.weight ?? 0
        young[key] = nil
        old[key] = nil
    }

    /// How many values are held, some perhaps twice.
    var count: Int { young.count + old.count }
}
