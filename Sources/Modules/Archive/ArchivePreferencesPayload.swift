// SPDX-License-Identifier: Apache-2.0
// What accounts want archived, on the wire: XEP-0441 0.2 section 2.1.

import XMPPCore

extension ArchivePreferences {
    /// Most addresses that an account may list.
    static let exceptionCountMax = 1_000

    /// Reads `<prefs/>`.
    ///
    /// - Throws: bad-request, jid-malformed, or resource-constraint for more addresses than an account may list.
    init(_ payload: Element) throws(StanzaError) {
        guard let name = payload["default"], let standard = Behaviour(rawValue: name) else {
            throw StanzaError(.badRequest, text: "default: 'always', 'never' or 'roster' is wanted")
        }
        self.init(standard: standard)
        for (name, isArchived) in [("always", true), ("never", false)] {
            for item in payload.child(name)?.children.filter({ $0.isNamed("jid", .archive) }) ?? [] {
                let text = item.text.trimmingXMLSpace()
                guard let peer = try? JID(text) else {  // the error says it
                    throw StanzaError(.jidMalformed, text: "'\(text.prefix(100))' is no address")
                }
                // Both wanted and not: nobody knows what that means.
                guard exceptions[peer] ?? isArchived == isArchived else { throw .badRequest }
                exceptions[peer] = isArchived
                guard exceptions.count <= Self.exceptionCountMax else {
                    throw StanzaError(.resourceConstraint, type: .cancel)
                }
            }
        }
    }

    /// The `<prefs/>` that says this.
    var element: Element {
        func list(_ name: String, _ isArchived: Bool) -> Element {
            let peers = exceptions.filter { $0.value == isArchived }.map(\.key.description).sorted()
            return Element(name, .archive) { for peer in peers { Element("jid", .archive) { peer } } }
        }
        return Element("prefs", .archive, ["default": standard.rawValue]) {
            list("always", true)
            list("never", false)
        }
    }
}
