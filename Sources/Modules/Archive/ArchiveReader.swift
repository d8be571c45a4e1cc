// SPDX-License-Identifier: Apache-2.0
// Answers what is asked of one kind of archives, of accounts or of rooms.

import Logging
import XMPPCore

/// Answers the IQs of XEP-0313 for archives whose readers have been found to be allowed to read them.
struct ArchiveReader: Sendable {
    let host: Host
    let store: any ArchiveStore
    let writer: ArchiveWriter
    let limits: ArchiveRequest.Limits

    /// Answers a query, a request for its form, or for what is known of the archive.
    ///
    /// - Parameter adapt: changes what is asked for to what the archive has.
    func answer(
        _ request: IQRequest, _ archive: BareJID, _ adapt: (inout ArchiveQuery) -> Void = { _ in }
    ) async throws -> Element? {
        switch (request.iq.type, request.payload.name) {
        case (.get, "query"): return form
        case (.get, "metadata"): return try await metadata(of: archive)
        case (.set, "query"): return try await page(request, archive, adapt)
        default: throw StanzaError.serviceUnavailable
        }
    }

    private func page(
        _ request: IQRequest, _ archive: BareJID, _ adapt: (inout ArchiveQuery) -> Void
    ) async throws -> Element? {
        var asked = try ArchiveRequest(request.payload, limits: limits)
        adapt(&asked.filter)
        try await writer.settle()
        let page = try await ArchivePage(asked, of: archive, in: store)
        try await waitForRoom(request.session)
        for message in asked.isFlipped ? page.messages.reversed() : page.messages {
            guard let element = Element(parsing: message.stanza) else {
                host.logger.error("an archived message is no message")
                continue
            }
            let result = ArchivePage.result(
                message.id, element, from: archive, to: request.sender, queryID: asked.queryID)
            if let session = request.session { session.deliver(result) } else { host.router.routeFromServer(result) }
        }
        return page.fin
    }

    /// Waits until a client that is behind with what it was sent has room for a page.
    private func waitForRoom(_ session: Session?) async throws(StanzaError) {
        guard let session else { return }
        var waited = Duration.zero
        while await !session.hasRoom() {
            guard waited < Self.roomDelayMax, await host.router.pause(for: Self.roomPause) else {
                throw StanzaError(.resourceConstraint, type: .wait)
            }
            waited += Self.roomPause
        }
    }
    private static let roomPause = Duration.milliseconds(200)
    /// How long a page waits for its reader.
    static let roomDelayMax = Duration.seconds(10)

    /// XEP-0313 section 4.1.5.
    private var form: Element {
        let names = [
            ("with", "jid-single"), ("start", "text-single"), ("end", "text-single"), ("before-id", "text-single"),
            ("after-id", "text-single"), ("from-id", "text-single"), ("to-id", "text-single"),
            ("include-groupchat", "boolean"), ("simple", "boolean"),
        ]
        return Element("query", .archive) {
            Element("x", .dataForms, ["type": "form"]) {
                Element("field", .dataForms, ["type": "hidden", "var": "FORM_TYPE"]) {
                    Element("value", .dataForms) { Namespace.archive.uri }
                }
                for (name, type) in names { Element("field", .dataForms, ["type": type, "var": name]) }
                Element("field", .dataForms, ["type": "list-multi", "var": "ids"]) {
                    Element("validate", .formValidation, ["datatype": "xs:string"]) { Element("open", .formValidation) }
                }
                for name in limits.isSearchable ? ["full-text-search", "{urn:xmpp:fulltext:0}fulltext"] : [] {
                    Element("field", .dataForms, ["type": "text-single", "var": name])
                }
            }
        }
    }

    /// XEP-0313 section 4.4.
    private func metadata(of archive: BareJID) async throws -> Element {
        try await writer.settle()
        let first = try await store.messages(in: archive, matching: ArchiveQuery(), order: .ascending, limit: 1).first
        let last = try await store.messages(in: archive, matching: ArchiveQuery(), order: .descending, limit: 1).first
        return Element("metadata", .archive) {
            if let first, let last {
                Element("start", .archive, ["id": first.id.text, "timestamp": first.id.time.preciseDateTime])
                Element("end", .archive, ["id": last.id.text, "timestamp": last.id.time.preciseDateTime])
            }
        }
    }
}
