// SPDX-License-Identifier: Apache-2.0
// The client's two SCRAM messages, parsed by the grammar of RFC 5802 section 7. Whole or not at all: what does not
// follow the grammar is a malformed request, whoever the user is.

/// The first message: gs2-header, then user name and nonce.
struct SCRAMClientFirst: Equatable {
    /// gs2-cbind-flag.
    enum Binding: Equatable {
        /// `n`: the client cannot bind.
        case unsupportedByClient
        /// `y`: the client can, and saw no server that can.
        case notAdvertised
        /// `p=`: the client binds to this type.
        case used(typeName: String)
    }

    let binding: Binding
    /// The authorization identity, unescaped; empty for none.
    let authzid: [UInt8]
    /// The user name, unescaped; not empty.
    let username: [UInt8]
    let nonce: [UInt8]
    /// Everything up to and with the second comma, as sent: channel binding covers it.
    let gs2Header: [UInt8]
    /// The rest, as sent: the proof covers it.
    let bare: [UInt8]

    /// Nil for a message that does not follow the grammar, or whose nonce is longer than that.
    init?(_ message: [UInt8], nonceByteCountMax: Int) {
        guard let fields = SCRAMAttribute.split(message), fields.count >= 4 else { return nil }
        guard let binding = SCRAMClientFirst.binding(fields[0]) else { return nil }
        self.binding = binding
        if fields[1].isEmpty {
            authzid = []
        } else {
            guard let escaped = SCRAMAttribute.value(of: fields[1], "a"), let name = SCRAMAttribute.unescape(escaped)
            else { return nil }
            authzid = name
        }
        // RFC 5802 section 5.1: `m` in front is an extension that must make the authentication fail; `n` is first then.
        guard let escaped = SCRAMAttribute.value(of: fields[2], "n"), let name = SCRAMAttribute.unescape(escaped),
            let nonce = SCRAMAttribute.value(of: fields[3], "r"), SCRAMAttribute.isNonce(nonce),
            nonce.count <= nonceByteCountMax, fields[4...].allSatisfy(SCRAMAttribute.isOptionalExtension)
        else { return nil }
        self.username = name
        self.nonce = Array(nonce)
        let headerEnd = fields[2].startIndex
        self.gs2Header = Array(message[..<headerEnd])
        self.bare = Array(message[headerEnd...])
    }

    private static func binding(_ field: ArraySlice<UInt8>) -> Binding? {
        if field.elementsEqual("n".utf8) { return .unsupportedByClient }
        if field.elementsEqual("y".utf8) { return .notAdvertised }
        guard let name = SCRAMAttribute.value(of: field, "p"), name.allSatisfy(SCRAMAttribute.isBindingNameCharacter)
        else { return nil }
        return .used(typeName: String(decoding: name, as: UTF8.self))
    }
}

/// The last message: channel binding, nonce, proof.
struct SCRAMClientFinal: Equatable {
    /// `c=`, still in Base 64: it is compared with what it must be.
    let channelBinding: [UInt8]
    let nonce: [UInt8]
    let proof: [UInt8]
    /// Everything before `,p=`, as sent: the proof covers it.
    let withoutProof: [UInt8]

    /// Nil for a message that does not follow the grammar.
    init?(_ message: [UInt8]) {
        guard let fields = SCRAMAttribute.split(message), fields.count >= 3, let last = fields.last,
            let binding = SCRAMAttribute.value(of: fields[0], "c"), Base64.decode(binding) != nil,
            let nonce = SCRAMAttribute.value(of: fields[1], "r"), SCRAMAttribute.isNonce(nonce),
            fields[2...].dropLast().allSatisfy(SCRAMAttribute.isOptionalExtension),
            let encodedProof = SCRAMAttribute.value(of: last, "p"), let proof = Base64.decode(encodedProof)
        else { return nil }
        self.channelBinding = Array(binding)
        self.nonce = Array(nonce)
        self.proof = proof
        self.withoutProof = Array(message[..<(last.startIndex - 1)])
    }
}

/// Pieces of the grammar of RFC 5802 section 7.
enum SCRAMAttribute {
    /// The fields between commas; nil when the message is not UTF-8 or holds NUL, which no value may.
    static func split(_ message: [UInt8]) -> [ArraySlice<UInt8>]? {
        guard !message.contains(0), String(validating: message, as: UTF8.self) != nil else { return nil }
        return message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    }

    /// The value of an attribute of that name, not empty; nil for any other field.
    static func value(of field: ArraySlice<UInt8>, _ name: Unicode.Scalar) -> ArraySlice<UInt8>? {
        guard field.count > 2, field.first == UInt8(ascii: name), field.dropFirst().first == UInt8(ascii: "=") else {
            return nil
        }
        return field.dropFirst(2)
    }

    /// An attribute that mimd does not know and may ignore: any letter but `m` (RFC 5802 section 5.1).
    static func isOptionalExtension(_ field: ArraySlice<UInt8>) -> Bool {
        guard field.count > 2, let name = field.first, field.dropFirst().first == UInt8(ascii: "=") else {
            return false
        }
        return isLetter(name) && name != UInt8(ascii: "m")
    }

    /// saslname: a comma is written `=2C` and an equals sign `=3D`. Nil for an equals sign followed by anything else,
    /// at which the server must fail (RFC 5802 section 5.1).
    static func unescape(_ name: ArraySlice<UInt8>) -> [UInt8]? {
        var output: [UInt8] = []
        var rest = name
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "=") {
                output.append(byte)
            } else if rest.starts(with: "2C".utf8) {
                output.append(UInt8(ascii: ","))
                rest = rest.dropFirst(2)
            } else if rest.starts(with: "3D".utf8) {
                output.append(UInt8(ascii: "="))
                rest = rest.dropFirst(2)
            } else {
                return nil
            }
        }
        return output
    }

    /// Printable ASCII without the comma.
    static func isNonce(_ value: ArraySlice<UInt8>) -> Bool {
        value.allSatisfy { (0x21...0x7E).contains($0) }
    }

    static func isBindingNameCharacter(_ byte: UInt8) -> Bool {
        isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "-")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
