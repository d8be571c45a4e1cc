// SPDX-License-Identifier: Apache-2.0
// SASL: an exchange succeeds just for who knows the password, and texts that are read are written as they were.

@testable import XMPPCore

enum SASLProperties {
    /// The input is each of these: a PLAIN message, Base 64, a stored text, a name to prepare, and a SCRAM client's two
    /// messages with a line feed between them.
    static func check(_ input: [UInt8]) throws(PropertyViolation) {
        try checkBase64(input)
        try checkStoredText(input)
        try checkPreparation(input)
        for form in [SASLDecoy.StoredForm.scram, .plainPassword] {
            try checkPlain(input, form)
            try SCRAMProperties.check(input, form)
        }
    }

    // MARK: what the server knows

    static let localpart = "user"
    static let password = Array("pencil".utf8)
    static let domain = "example.com"
    static let bindings = ChannelBindings([
        .tlsExporter: Array("exporter".utf8), .tlsServerEndPoint: Array("certificate".utf8),
    ])
    /// One iteration: what PBKDF2 costs is not the subject here.
    private static let iterationCount = 1
    private static let stored: StoredCredential = {
        // Password and hashes are allowed.
        let credential = try? StoredCredential.derive(
            password: "pencil", hashes: [.sha1, .sha256], iterationCount: iterationCount
        ) { [UInt8](repeating: 7, count: $0) }
        guard let credential else { preconditionFailure("OpenSSL fails") }
        return credential
    }()

    static func settings(_ form: SASLDecoy.StoredForm) -> SASLSettings {
        let secret = Array("a secret of the tests".utf8)
        return SASLSettings(
            domain: domain, decoy: SASLDecoy(secret: secret, iterationCount: iterationCount, storedForm: form))
    }

    /// What the store answers: there is one account.
    static func credential(of localpart: String, _ form: SASLDecoy.StoredForm) -> StoredCredential? {
        guard localpart == Self.localpart else { return nil }
        return form == .scram ? stored : .plainPassword("pencil")
    }

    static func exchange(_ mechanism: SASLMechanism, _ form: SASLDecoy.StoredForm, isBound: Bool) -> SASLExchange {
        let offer = SASLOffer(
            configured: Set(SASLMechanism.all), transport: .secure, channelBindingTypes: isBound ? bindings.types : [])
        return SASLExchange(
            mechanism: mechanism, offer: offer, channelBindings: isBound ? bindings : .init(),
            settings: settings(form), nonceSource: { Array("server".utf8) })
    }

    /// Does the work that an exchange asks for, if any.
    static func derive(
        _ action: SASLExchange.Action, _ exchange: inout SASLExchange
    ) throws(PropertyViolation) -> SASLExchange.Action {
        guard case .derive(let derivation) = action else { return action }
        do throws(CryptoError) {
            return exchange.derived(try derivation.run())
        } catch {
            throw PropertyViolation("OpenSSL: \(error)")
        }
    }

    // MARK: PLAIN

    private static func checkPlain(_ input: [UInt8], _ form: SASLDecoy.StoredForm) throws(PropertyViolation) {
        var exchange = exchange(.plain, form, isBound: true)
        let action = exchange.receive(input)
        let parts = input.split(separator: 0, omittingEmptySubsequences: false)
        let isUsers =
            parts.count == 3 && isUser(parts[1]) && SASLprep.prepare(Array(parts[2])) == password
            && (parts[0].isEmpty || isUsersAddress(parts[0]))
        guard case .lookUp(let localpart) = action else {
            guard case .fail = action else { throw PropertyViolation("PLAIN: \(action)") }
            return try require(!isUsers, "PLAIN: the password is refused")
        }
        let credential = credential(of: localpart, form)
        let outcome = try derive(exchange.credentialLoaded(credential), &exchange)
        if isUsers {
            try require(outcome == .succeed(.account(localpart: Self.localpart), additionalData: nil), "\(outcome)")
        } else {
            try require(outcome == .fail(.notAuthorized), "PLAIN: the wrong password gets \(outcome)")
        }
        guard case .fail = exchange.receive(input) else { throw PropertyViolation("PLAIN goes on after its end") }
    }

    private static func isUser(_ name: ArraySlice<UInt8>) -> Bool {
        guard let prepared = SASLprep.prepare(Array(name)), !prepared.isEmpty else { return false }
        // A name that is no localpart is not the user's.
        let address = try? BareJID(localpart: String(decoding: prepared, as: UTF8.self), domainpart: domain)
        return address?.localpart == localpart
    }

    private static func isUsersAddress(_ address: ArraySlice<UInt8>) -> Bool {
        // A text that is no address is not the user's.
        (try? BareJID(String(decoding: address, as: UTF8.self)))?.description == "\(localpart)@\(domain)"
    }

    // MARK: texts

    private static func checkBase64(_ input: [UInt8]) throws(PropertyViolation) {
        try require(Base64.decode(Base64.encode(input)) == input, "Base 64 does not go round")
        let decoded = Base64.decode(input)
        if let decoded { try require(Base64.encode(decoded) == input, "Base 64 has two spellings of \(decoded)") }
        for meaning in [SASLPayload.EmptyElement.meansNoMessage, .meansEmptyMessage] {
            let expected: [UInt8]? =
                input.isEmpty && meaning == .meansNoMessage ? nil : input == Array("=".utf8) ? [] : decoded
            do throws(SASLFailure) {
                let message = try SASLPayload.decode(input, emptyElement: meaning)
                try requireSame(message, expected)
            } catch {
                try require(decoded == nil && error == .incorrectEncoding, "a payload is refused: \(error)")
            }
        }
    }

    private static func requireSame(_ message: [UInt8]?, _ expected: [UInt8]?) throws(SASLFailure) {
        if message != expected { throw SASLFailure(.temporaryAuthFailure, text: "another message") }
    }

    private static func checkStoredText(_ input: [UInt8]) throws(PropertyViolation) {
        let text = String(decoding: input, as: UTF8.self)
        guard let credential = try? SCRAMCredential(text: text) else { return }  // Most texts are none.
        let again = try? SCRAMCredential(text: credential.text)  // nil fails the property
        try require(again == credential, "\(credential) was written as something else")
        if let legacy = credential.legacyText {
            let again = try? SCRAMCredential(text: legacy)  // nil fails the property
            try require(again?[.sha1] == credential[.sha1], "\(credential) was written as something else")
        }
        try require(!"\(credential)".contains("="), "a description shows keys")
    }

    /// A stored password is prepared once when it is set and once for each login.
    private static func checkPreparation(_ input: [UInt8]) throws(PropertyViolation) {
        guard let prepared = SASLprep.prepare(input) else { return }
        try require(String(validating: prepared, as: UTF8.self) != nil, "SASLprep gives \(prepared)")
        try require(SASLprep.prepare(prepared) == prepared, "SASLprep of \(input) is \(prepared), and then another")
    }
}
