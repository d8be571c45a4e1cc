// SPDX-License-Identifier: Apache-2.0
// The user directory (XEP-0055 1.3, Jabber Search) of a host, by plain fields or by a data form (XEP-0004) with the fields
// that MongooseIM has.

import XMPPCore

/// Finds the accounts of a host by what their vCards say. Everybody may search; a field's text is compared without regard
/// to case, and a `*` at its end stands for anything.
struct UserDirectory {
    /// Most bytes of texts and addresses in one answer, before escaping.
    static let resultByteCountMax = 131_072

    let address: BareJID
    let host: Host
    /// Nil for as many as an answer holds.
    let matchCountMax: Int?

    private static let name = "User Search"

    /// The domain that answers searches.
    var service: ServiceDomain {
        let identity = DiscoIdentity(category: "directory", type: "user", name: Self.name)
        var service = ServiceDomain(address, identity)
        service.advertise(.search, .vCardTemp)
        service.iq(.get, "query", .search, at: .host, fields)
        service.iq(.set, "query", .search, at: .host, later: search)
        service.iq(.get, "vCard", .vCardTemp, at: .host, card)
        service.iq(.set, "vCard", .vCardTemp, at: .host, VCardTemp.refuse)
        return service
    }

    /// The names that fields have in forms, for programs and for people.
    private static let formFields: [(field: VCardField, name: String, label: String)] = [
        (.localpart, "user", "User"), (.fullName, "fn", "Full Name"), (.givenName, "first", "Given Name"),
        (.middleName, "middle", "Middle Name"), (.familyName, "last", "Family Name"), (.nickname, "nick", "Nickname"),
        (.birthday, "bday", "Birthday"), (.country, "ctry", "Country"), (.locality, "locality", "City"),
        (.email, "email", "Email Address"), (.organization, "orgname", "Organization Name"),
        (.organizationUnit, "orgunit", "Organization Unit"),
    ]

    /// XEP-0055 section 5: the fields that there are without a form.
    private static let plainFields: [(field: VCardField, name: String)] = [
        (.givenName, "first"), (.familyName, "last"), (.nickname, "nick"), (.email, "email"),
    ]

    private static let instructions =
        "Fill in one or more fields to search for people. A * at the end of a text stands for anything."

    private func card(_ request: IQRequest) throws(StanzaError) -> Element? {
        VCardTemp.serviceCard(Self.name, "Finds the people of \(host.address) by their vCards")
    }

    private func fields(_ request: IQRequest) throws(StanzaError) -> Element? {
        Element("query", .search) {
            Element("instructions", .search) { Self.instructions }
            for field in Self.plainFields { Element(field.name, .search) }
            Element("x", .dataForms, ["type": "form"]) {
                Element("title", .dataForms) { Self.name }
                Element("instructions", .dataForms) { Self.instructions }
                Self.formType
                for field in Self.formFields {
                    Element(
                        "field", .dataForms, ["type": "text-single", "label": field.label, "var": field.name])
                }
            }
        }
    }

    private static var formType: Element {
        Element("field", .dataForms, ["type": "hidden", "var": "FORM_TYPE"]) {
            Element("value", .dataForms) { Namespace.search.uri }
        }
    }

    private func search(_ request: IQRequest) async throws -> Element? {
        guard let form = request.payload.child("x", .dataForms) else {
            return Self.plainResult(try await matches(Self.query(ofFields: request.payload)))
        }
        guard form["type"] == "submit" else { throw StanzaError.badRequest }
        return Self.formResult(try await matches(Self.query(ofForm: form)))
    }

    private static func query(ofFields payload: Element) -> VCardQuery {
        var query = VCardQuery()
        for (field, name) in plainFields { query.add(payload.childText(name), to: field) }
        return query
    }

    private static func query(ofForm form: Element) -> VCardQuery {
        var query = VCardQuery()
        for filled in form.children where filled.name == "field" {
            guard let field = formFields.first(where: { $0.name == filled["var"] })?.field else { continue }
            query.add(filled.childText("value"), to: field)
        }
        return query
    }

    /// The matches by their addresses, no more than one answer holds.
    private func matches(_ query: VCardQuery) async throws(StorageError) -> [VCardMatch] {
        let limit = matchCountMax ?? Page<VCardMatch>.itemCountMax
        guard limit > 0, !query.terms.isEmpty else { return [] }
        let domain = host.address.domainpart
        let found = try await host.storage.vCards.search(query, in: domain, limit: limit)
        var byteCount = 0
        let fitting = found.prefix { match in
            byteCount += match.texts.values.reduce(match.account.description.utf8.count) { $0 + $1.utf8.count }
            return byteCount <= Self.resultByteCountMax
        }
        return fitting.sorted { $0.account.description < $1.account.description }
    }

    private static func plainResult(_ matches: [VCardMatch]) -> Element {
        Element("query", .search) {
            for match in matches {
                Element("item", .search, ["jid": "\(match.account)"]) {
                    for field in plainFields { Element(field.name, .search) { match.texts[field.field] ?? "" } }
                }
            }
        }
    }

    private static func formResult(_ matches: [VCardMatch]) -> Element {
        Element("query", .search) {
            Element("x", .dataForms, ["type": "result"]) {
                formType
                Element("reported", .dataForms) {
                    Element("field", .dataForms, ["type": "jid-single", "label": "Jabber ID", "var": "jid"])
                    for field in formFields {
                        Element(
                            "field", .dataForms, ["type": "text-single", "label": field.label, "var": field.name])
                    }
                }
                for match in matches {
                    Element("item", .dataForms) {
                        value("\(match.account)", of: "jid")
                        for field in formFields {
                            let text = field.field == .localpart ? match.account.localpart : match.texts[field.field]
                            value(text ?? "", of: field.name)
                        }
                    }
                }
            }
        }
    }

    private static func value(_ text: String, of field: String) -> Element {
        Element("field", .dataForms, ["var": field]) { Element("value", .dataForms) { text } }
    }
}

extension VCardQuery {
    /// Adds what somebody filled in, if anything.
    fileprivate mutating func add(_ text: String?, to field: VCardField) {
        guard let text = text?.trimmingXMLSpace(), !text.isEmpty else { return }
        terms[field] = Term(text)
    }
}

extension Namespace {
    /// Searching (XEP-0055).
    static let search: Namespace = "jabber:iq:search"
}
