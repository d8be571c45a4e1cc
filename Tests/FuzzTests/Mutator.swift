// SPDX-License-Identifier: Apache-2.0
// Random numbers that can be had again, and changes to bytes by them.

/// SplitMix64: small, and the same on every machine for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Makes new inputs of old ones.
struct Mutator {
    var generator: SeededGenerator
    /// Pieces of the input language, which random bytes would hardly hit.
    let pieces: [[UInt8]]

    init(seed: UInt64, pieces: [[UInt8]]) {
        generator = SeededGenerator(seed: seed)
        self.pieces = pieces
    }

    /// A number from 0 up to, and without, `bound`; 0 if there is none.
    mutating func number(below bound: Int) -> Int { bound > 0 ? Int.random(in: 0..<bound, using: &generator) : 0 }

    /// One of several.
    mutating func pick<Value>(_ values: [Value]) -> Value { values[number(below: values.count)] }

    /// An input with one to eight changes.
    mutating func mutate(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        for _ in 0...number(below: 8) {
            let place = number(below: bytes.count + 1)
            let end = min(bytes.count, place + number(below: 12))
            switch number(below: 6) {
            case 0: bytes.insert(UInt8.random(in: .min ... .max, using: &generator), at: place)
            case 1: bytes.insert(contentsOf: pick(pieces), at: place)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: number(below: bytes.count + 1))
            case 4 where place < bytes.count: bytes[place] ^= 1 << UInt8(number(below: 8))
            default: bytes.replaceSubrange(place..<end, with: pick(pieces))
            }
        }
        return bytes
    }
}
