// SPDX-License-Identifier: Apache-2.0
// How hard a password is to guess, as far as its characters tell.

import Glibc

/// Estimates passwords.
enum PasswordStrength {
    /// The bits of a random password of the same length from the same kinds of characters: small letters, capitals,
    /// digits, other printable ASCII, all others.
    static func bits(of password: String) -> Double {
        let characters = Array(password.unicodeScalars)
        let alphabet = kinds.reduce(0) { sum, kind in
            characters.contains(where: kind.contains) ? sum + kind.characterCount : sum
        }
        return alphabet == 0 ? 0 : Double(characters.count) * log2(Double(alphabet))
    }

    private static let kinds: [(contains: @Sendable (Unicode.Scalar) -> Bool, characterCount: Int)] = [
        ({ ("a"..."z").contains($0) }, 26),
        ({ ("A"..."Z").contains($0) }, 26),
        ({ ("0"..."9").contains($0) }, 10),
        ({ $0.isASCII && !$0.properties.isAlphabetic && !("0"..."9").contains($0) }, 33),
        ({ !$0.isASCII }, 128),
    ]
}
