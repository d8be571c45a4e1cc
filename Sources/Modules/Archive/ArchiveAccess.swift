// SPDX-License-Identifier: Apache-2.0
// Who may use archives, and how often: MongooseIM's access rules and shapers.

import Synchronization
import XMPPCore

/// What one may do with an archive. The raw value is the name of the access rule; those that name shapers are called the
/// same with `_shaper` behind, or `_global_shaper` for all clients together.
enum ArchiveOperation: String, Hashable, Sendable, CaseIterable {
    case look = "mam_lookup_messages"
    case getPreferences = "mam_get_prefs"
    case setPreferences = "mam_set_prefs"
}

/// Lets operations pass, or holds them up.
final class ArchiveAccess: Sendable {
    /// The longest that an operation is held up; what would have to wait longer is refused.
    static let delayMax = Duration.seconds(10)

    private let host: Host
    private let shared = Mutex<[ArchiveOperation: RateLimiter]>([:])

    init(_ host: Host) { self.host = host }

    /// Returns when the operation may be done. Whether the sender has anything to do with the archive is not looked at.
    ///
    /// - Throws: forbidden when a rule denies it, resource-constraint when too many are asked for.
    func enter(_ operation: ArchiveOperation, _ request: IQRequest) async throws(StanzaError) {
        let rule = operation.rawValue
        // Without a rule it is up to the archive's owner.
        if host.hasAccessRule(rule), host.access(rule, of: request.sender) == .deny { throw .forbidden }
        // Who asks too often takes nothing from the others: one's own comes first, and is kept last.
        let own = try request.session.flatMap { session throws(StanzaError) in
            try take(session[Limiters.self]?[operation], "\(rule)_shaper", request.sender)
        }
        let shared = try shared.withLock { limiters throws(StanzaError) in
            let taken = try take(limiters[operation], "\(rule)_global_shaper", request.sender)
            if let taken { limiters[operation] = taken.limiter }
            return taken
        }
        if let own, let session = request.session {
            var limiters = session[Limiters.self] ?? [:]
            limiters[operation] = own.limiter
            session[Limiters.self] = limiters
        }
        let delay = max(own?.delay ?? .zero, shared?.delay ?? .zero)
        // When the server is gone meanwhile, so is who asked.
        if delay > .zero { _ = await host.router.pause(for: delay) }
    }

    /// Takes one operation out of a limiter, nil for one that is new; nil where no shaper is named.
    private func take(
        _ limiter: RateLimiter?, _ rule: String, _ sender: JID
    ) throws(StanzaError) -> (limiter: RateLimiter, delay: Duration)? {
        guard let rate = rate(rule, sender) else { return nil }
        let now = host.time.uptime
        var limiter = limiter ?? RateLimiter(rate: rate, now: now)
        let delay = limiter.take(1, now: now)
        guard delay <= Self.delayMax else { throw StanzaError(.resourceConstraint, type: .wait) }
        return (limiter, delay)
    }

    /// Operations per second; nil for as many as come.
    private func rate(_ rule: String, _ sender: JID) -> Int? {
        guard host.hasAccessRule(rule), case .name(let shaper) = host.access(rule, of: sender) else { return nil }
        return host.server.shapers[shaper]?.ratePerSecond
    }

    private enum Limiters: SessionKey { typealias Value = [ArchiveOperation: RateLimiter] }
}
