// SPDX-License-Identifier: Apache-2.0
// Who may register, and what happens then.

public import XMPPCore

/// The options of mod_register.
public struct RegistrationOptions: ModuleOptions {
    /// The access rule that new accounts must be allowed by.
    public var accessRule = "all"
    /// Which addresses may register: the first network that holds an address decides, and whoever is in none may.
    public var networks: [AddressRule] = []
    /// The least strength of a password, in bits of ``PasswordStrength``; 0 for any.
    public var passwordBitsMin = 0
    /// What the server sends to a new account; nil for nothing.
    public var welcome: Welcome?
    /// Who is told of every new account.
    public var watchers: [BareJID] = []

    /// The defaults.
    public init() {}

    /// Reads the section `modules.mod_register`.
    public mutating func read(_ o: inout OptionReader) throws(OptionError) {
        try o.read("access", into: &accessRule)
        try o.read("ip_access", into: &networks)
        try o.read("password_strength", into: &passwordBitsMin, in: 0...1_024)
        try o.read("welcome_message", into: &welcome)
        var names: [String] = []
        try o.read("registration_watchers", into: &names)
        for name in names {
            do throws(JIDError) {
                watchers.append(try BareJID(name))
            } catch {
                try o.reject("registration_watchers", "\"\(name)\" is no bare JID")
            }
        }
    }

    /// Whether a client at this address may register. The host program itself, which has no address, may.
    func allows(_ peerAddress: String) -> Bool {
        guard let address = IPAddress(peerAddress) else { return peerAddress.isEmpty || networks.isEmpty }
        return networks.first { $0.network?.contains(address) ?? false }.map { $0.policy == .allow } ?? true
    }

    /// What the server sends to a new account.
    public struct Welcome: ModuleOptions {
        /// The text of the message's `<subject/>`; may be empty.
        public var subject = ""
        /// The text of the message's `<body/>`; may be empty.
        public var body = ""

        /// A message without a text.
        public init() {}

        /// Reads the table `welcome_message`.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            try o.read("subject", into: &subject, byteCountMin: 0)
            try o.read("body", into: &body, byteCountMin: 0, byteCountMax: 65_536)
        }
    }

    /// What a network's clients may do.
    public struct AddressRule: ModuleOptions {
        /// Whether registration is allowed.
        public enum Policy: String, CaseIterable, Sendable { case allow, deny }

        /// The network; nil until it is read.
        public var network: IPNetwork?
        /// What the clients of the network may do.
        public var policy = Policy.allow

        /// A rule without a network.
        public init() {}

        /// Reads an element of `ip_access`, which names both.
        public mutating func read(_ o: inout OptionReader) throws(OptionError) {
            var text = ""
            try o.require("address")
            try o.read("address", into: &text)
            network = IPNetwork(text)
            if network == nil, !text.isEmpty {
                try o.reject("address", "\"\(text)\" is no network such as 192.0.2.0/24")
            }
            try o.require("policy")
            try o.read("policy", into: &policy)
        }
    }
}
