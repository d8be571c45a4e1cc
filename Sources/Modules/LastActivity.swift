// SPDX-License-Identifier: Apache-2.0
// Last Activity (XEP-0012 2.0): when was this account last online, and how long has the server been running? The idle
// time of a connected resource is its client's to say.

import Logging
public import XMPPCore

/// Remembers when accounts were last available, and tells those who may know.
public struct LastActivity: XMPPModule {
    /// Its name in the configuration, and what it implements.
    public static let manifest = ModuleManifest("mod_last", implements: [.xep(12, "2.0")])
    /// There is nothing to configure.
    public typealias Options = NoOptions

    private let host: Host
    private let start: Duration

    /// Makes the module for one host. Never throws.
    public init(options: Options, host: Host) throws(ModuleError) {
        self.host = host
        start = host.time.uptime
    }

    /// Answers for the host and for its accounts, and notes when resources leave.
    public func register(in registrar: inout Registrar) {
        registrar.advertise(.lastActivity, on: .host, .account)
        registrar.iq(.get, "query", .lastActivity, at: .host, uptime)
        registrar.iq(.get, "query", .lastActivity, at: .account, later: lastSeen)
        registrar.iq(.get, "query", .lastActivity, at: .resource, later: idleTime)
        registrar.on(.presenceChanged, presenceChanged)
        registrar.on(.sessionEnded, sessionEnded)
    }

    /// XEP-0012 section 5.
    private func uptime(_ request: IQRequest) throws(StanzaError) -> Element? {
        Self.answer(seconds: (host.time.uptime - start).components.seconds)
    }

    /// XEP-0012 section 3.
    private func lastSeen(_ request: IQRequest) async throws -> Element? {
        guard let account = request.account else { throw StanzaError.badRequest }
        guard try await maySeePresence(request, account) else { throw StanzaError.forbidden }
        if host.registry.sessions(of: account).contains(where: \.isAvailable) { return Self.answer(seconds: 0) }
        guard let record = try await host.storage.lastActivity.lastActivity(of: account) else {
            throw StanzaError.itemNotFound
        }
        // The record may come from a clock that is ahead of this one.
        let (seconds, overflow) = host.time.wallTime.seconds.subtractingReportingOverflow(record.seconds)
        return Self.answer(seconds: overflow ? 0 : max(0, seconds), status: record.status)
    }

    /// XEP-0012 section 4: whoever may not see the account's presence does not learn from its client either.
    private func idleTime(_ request: IQRequest) async throws -> Element? {
        guard let account = request.account, try await maySeePresence(request, account) else {
            throw StanzaError.forbidden
        }
        return nil
    }

    private func presenceChanged(_ change: PresenceChange) -> Work {
        guard change.old != nil, change.new.type == .unavailable else { return .done }
        return remember(change.session.account, status: change.new.status ?? "")
    }

    /// A session that ends available is one of a host where no module broadcasts presence.
    private func sessionEnded(_ ended: EndedSession) -> Work {
        ended.session.isAvailable ? remember(ended.session.account, status: "") : .done
    }

    private func remember(_ account: BareJID, status: String) -> Work {
        let record = LastActivityRecord(seconds: max(0, host.time.wallTime.seconds), status: status)
        return .later {
            do throws(StorageError) {
                // The sessions of an account end after it was removed; nothing of it may come back then.
                guard try await host.storage.accounts.contains(account) else { return }
                try await host.storage.lastActivity.setLastActivity(record, of: account)
            } catch {
                host.logFailure("last activity not stored", error)
            }
        }
    }

    private func maySeePresence(_ request: IQRequest, _ account: BareJID) async throws(StorageError) -> Bool {
        if request.isFromOwner { return true }
        guard let roster = host.service((any RosterService).self) else { return false }
        let subscription = try await roster.subscription(of: account, to: request.sender.bare)
        return subscription == .from || subscription == .both
    }

    private static func answer(seconds: Int64, status: String = "") -> Element {
        Element("query", .lastActivity, ["seconds": String(seconds)]) { status }
    }
}

extension Namespace {
    /// Last activity (XEP-0012).
    static let lastActivity: Namespace = "jabber:iq:last"
}
