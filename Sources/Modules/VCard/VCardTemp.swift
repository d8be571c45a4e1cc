// SPDX-License-Identifier: Apache-2.0
// vcard-temp (XEP-0054 1.3.0): an account's vCard, which its owner writes and everybody reads; the search in them is in
// UserSearch.swift (XEP-0055), the avatar's hash in presence in AvatarHashes.swift (XEP-0153). Not here: conversion to and
// from vCards and avatars over PEP (XEP-0292, XEP-0398).

public import XMPPCore

/// Keeps the vCards of accounts, finds them, and announces their avatars.
public struct VCardTemp: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest(
        "mod_vcard",
        implements: [.xep(54, "1.3.0"), .xep(55, "1.3"), .xep(153, "1.1.1")]
    )

    /// The options of mod_vcard.
    public struct Options: ModuleOptions {
        /// The domain of the user directory; `@HOST@` in it stands for the host's.
        public var directoryDomain = "vjud.\(ServiceDomain.hostMark)"
        /// Whether there is a user directory.
        public var hasDirectory = true
        /// Most matches that a search brings; nil for as many as fit into one answer, see
        /// ``UserDirectory/resultByteCountMax``.
        public var matchCountMax: Int? = 30

        /// The defaults.
        public init() {}

        /// Reads the section `modules.mod_vcard`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.readServiceDomain("host", into: &directoryDomain)
            try o.read("search", into: &hasDirectory)
            try o.read("matches", into: &matchCountMax, in: 0...Int.max)
            o.ignore("ldap")
        }
    }

    /// The longest vCard, in bytes of XML: an avatar of 48 KiB in Base64, and much text. XEP-0153 wants avatars below
    /// 8 KiB.
    public static let byteCountMax = 65_536

    let host: Host
    private let directory: UserDirectory?
    private let avatars: AvatarHashes

    /// Makes the module for one host.
    ///
    /// - Throws: ``ModuleError`` when the directory's domain is none.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.host = host
        avatars = AvatarHashes(host)
        guard options.hasDirectory else {
            directory = nil
            return
        }
        let address = try ServiceDomain.address(options.directoryDomain, of: host)
        directory = UserDirectory(address: address, host: host, matchCountMax: options.matchCountMax)
    }

    /// Answers for the host and its accounts, serves the directory, and completes presence.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.vCardTemp, on: .host, .account)
        registrar.iq(.get, "vCard", .vCardTemp, at: .account, later: vCard)
        registrar.iq(.set, "vCard", .vCardTemp, at: .ownAccount, later: keep)
        registrar.iq(.get, "vCard", .vCardTemp, at: .host, hostCard)
        registrar.iq(.set, "vCard", .vCardTemp, at: .host, Self.refuse)
        if let directory { registrar.serve(directory.service) }
        avatars.register(in: &registrar)
    }

    /// XEP-0054 sections 3.1 and 3.3.
    private func vCard(_ request: IQRequest) async throws -> Element? {
        guard let account = request.account else { throw StanzaError.badRequest }
        guard let xml = try await host.storage.vCards.vCard(of: account) else {
            // To others the same as for an account that does not exist: nobody learns which do.
            guard request.isFromOwner else { throw StanzaError.serviceUnavailable }
            // Or item-not-found; but clients that read a vCard to change a part of it go on from here only.
            return Element("vCard", .vCardTemp)
        }
        guard let element = Element(parsing: xml) else { throw StorageError.corrupt(detail: "a vCard is not XML") }
        return element
    }

    /// XEP-0054 section 3.2.
    private func keep(_ request: IQRequest) async throws -> Element? {
        guard let account = request.account else { throw StanzaError.badRequest }
        let vCard = VCard(request.payload)
        guard vCard.xml.count <= Self.byteCountMax else {
            // Not policy-violation, which slixmpp does not know: its users would wait for an answer for ever.
            throw StanzaError(
                .notAcceptable, text: "a vCard may have \(Self.byteCountMax) bytes, this one has \(vCard.xml.count)")
        }
        // One after the other, so that the hash that is announced is that of what is stored.
        try await host.accountLocks.withLock(account) { () async throws(StorageError) in
            try await host.storage.vCards.set(vCard, of: account)
            avatars.changed(to: AvatarHash(ofVCard: request.payload), of: account)
        }
        return nil
    }

    private func hostCard(_ request: IQRequest) throws(StanzaError) -> Element? {
        Self.serviceCard("mimd", "An XMPP server")
    }

    /// XEP-0054 section 3.2: nobody but its owner writes a vCard, and these have none.
    static func refuse(_ request: IQRequest) throws(StanzaError) -> Element? { throw .forbidden }

    /// What a server or a service says of itself.
    static func serviceCard(_ name: String, _ description: String) -> Element {
        Element("vCard", .vCardTemp) {
            Element("FN", .vCardTemp) { name }
            Element("DESC", .vCardTemp) { description }
        }
    }
}

extension Namespace {
    /// vCards (XEP-0054).
    static let vCardTemp: Namespace = "vcard-temp"
}
