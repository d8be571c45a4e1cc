// SPDX-License-Identifier: Apache-2.0
// The subscription states of a roster item and what changes them: RFC 6121 appendix A as a pure function. Not here:
// subscription pre-approval (section 3.4), which mimd does not advertise.

import XMPPCore

/// The four types of presence that manage subscriptions (RFC 6121 section 3).
enum SubscriptionEvent: Hashable, Sendable, CaseIterable {
    case subscribe, subscribed, unsubscribe, unsubscribed

    /// Nil when the type manages no subscription.
    init?(_ type: PresenceType) {
        switch type {
        case .subscribe: self = .subscribe
        case .subscribed: self = .subscribed
        case .unsubscribe: self = .unsubscribe
        case .unsubscribed: self = .unsubscribed
        case .available, .unavailable, .probe, .error: return nil
        }
    }

    var type: PresenceType {
        switch self {
        case .subscribe: .subscribe
        case .subscribed: .subscribed
        case .unsubscribe: .unsubscribe
        case .unsubscribed: .unsubscribed
        }
    }
}

/// How an account and a contact are subscribed to each other, seen from the account (RFC 6121 appendix A.1).
struct SubscriptionState: Hashable, Sendable {
    /// The account sees the contact's presence.
    var hasTo = false
    /// The contact sees the account's presence.
    var hasFrom = false
    /// The account asked for the contact's presence. Never together with `hasTo`.
    var isPendingOut = false
    /// The contact asked for the account's presence. Never together with `hasFrom`.
    var isPendingIn = false

    /// No subscription, no request.
    static let none = SubscriptionState()

    private init() {}

    /// The state that a store's columns spell. A request for what is granted already, which no RFC 6121 server writes,
    /// counts as answered.
    init(_ subscription: RosterSubscription, _ pending: RosterPending) {
        hasTo = subscription == .to || subscription == .both
        hasFrom = subscription == .from || subscription == .both
        isPendingOut = !hasTo && (pending == .out || pending == .both)
        isPendingIn = !hasFrom && (pending == .in || pending == .both)
    }

    /// The state of an item; that of a contact that is not in the roster when there is none.
    init(_ item: RosterItem?) {
        self = item.map { SubscriptionState($0.subscription, $0.pending) } ?? .none
    }

    var subscription: RosterSubscription {
        switch (hasTo, hasFrom) {
        case (false, false): .none
        case (true, false): .to
        case (false, true): .from
        case (true, true): .both
        }
    }

    var pending: RosterPending {
        switch (isPendingOut, isPendingIn) {
        case (false, false): .none
        case (true, false): .out
        case (false, true): .in
        case (true, true): .both
        }
    }
}

/// What a presence stanza does to a subscription.
struct SubscriptionTransition: Hashable, Sendable {
    /// The state afterwards.
    var state: SubscriptionState
    /// Whether the stanza is routed to the contact, or delivered to the account's resources.
    var isPassedOn: Bool
    /// What the server answers on behalf of the account; nil for nothing.
    var reply: SubscriptionEvent?
}

extension SubscriptionState {
    /// What happens when the account sends `event` to the contact (RFC 6121 appendix A.2).
    func sending(_ event: SubscriptionEvent) -> SubscriptionTransition {
        var state = self
        switch event {
        case .subscribe:
            // A.2.1: routed in every state, so that two servers whose states differ come together again.
            state.isPendingOut = !hasTo
            return SubscriptionTransition(state: state, isPassedOn: true)
        case .unsubscribe:
            // A.2.2: likewise.
            state.hasTo = false
            state.isPendingOut = false
            return SubscriptionTransition(state: state, isPassedOn: true)
        case .subscribed:
            // A.2.3: without a request there is nothing to approve.
            state.hasFrom = hasFrom || isPendingIn
            state.isPendingIn = false
            return SubscriptionTransition(state: state, isPassedOn: isPendingIn)
        case .unsubscribed:
            // A.2.4: cancels a subscription or denies a request.
            state.hasFrom = false
            state.isPendingIn = false
            return SubscriptionTransition(state: state, isPassedOn: hasFrom || isPendingIn)
        }
    }

    /// What happens when `event` comes from the contact (RFC 6121 appendix A.3).
    func receiving(_ event: SubscriptionEvent) -> SubscriptionTransition {
        var state = self
        switch event {
        case .subscribe:
            // A.3.1 and section 3.1.3: a contact that is subscribed already is answered by the server.
            guard !hasFrom else { return SubscriptionTransition(state: state, isPassedOn: false, reply: .subscribed) }
            state.isPendingIn = true
            return SubscriptionTransition(state: state, isPassedOn: !isPendingIn)
        case .unsubscribe:
            // A.3.2
            state.hasFrom = false
            state.isPendingIn = false
            return SubscriptionTransition(state: state, isPassedOn: hasFrom || isPendingIn)
        case .subscribed:
            // A.3.3: an approval of what nobody asked for is dropped.
            state.hasTo = hasTo || isPendingOut
            state.isPendingOut = false
            return SubscriptionTransition(state: state, isPassedOn: isPendingOut)
        case .unsubscribed:
            // A.3.4
            state.hasTo = false
            state.isPendingOut = false
            return SubscriptionTransition(state: state, isPassedOn: hasTo || isPendingOut)
        }
    }
}
