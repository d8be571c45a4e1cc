// SPDX-License-Identifier: Apache-2.0
// Classes of entities, named in the `acl` section: who is a member of "admin", decided by the parts of the JID.

/// Who asks for access: the parts of a JID in their prepared form.
public struct AccessSubject: Hashable, Sendable {
    /// The localpart, nil for the JID of a domain.
    public var localpart: String?
    /// The domainpart.
    public var domainpart: String
    /// The resourcepart, nil for a bare JID.
    public var resourcepart: String?

    /// A subject from the parts of its JID, which must be prepared.
    public init(localpart: String?, domainpart: String, resourcepart: String? = nil) {
        self.localpart = localpart
        self.domainpart = domainpart
        self.resourcepart = resourcepart
    }

    /// The subject with this JID.
    public init(_ jid: JID) {
        self.init(localpart: jid.localpart, domainpart: jid.domainpart, resourcepart: jid.resourcepart)
    }
}

/// One pattern of a class. Everything that it names must match.
public struct AccessPattern: Sendable {
    /// Which domainparts a pattern considers at all, before its other conditions.
    public enum DomainMatch: String, CaseIterable, Sendable {
        /// Every domainpart.
        case all
        /// No domainpart: the pattern never matches.
        case none
        /// The domainpart of the host on which access is asked for.
        case currentDomain = "current_domain"
        /// The domainpart of any host that this server serves.
        case anyHostedDomain = "any_hosted_domain"
    }

    /// The domainparts considered.
    public var match: DomainMatch
    /// What the localpart must satisfy, each of them. An absent localpart counts as an empty string.
    public var localpart: [TextCondition]
    /// What the domainpart must satisfy.
    public var domainpart: [TextCondition]
    /// What the resourcepart must satisfy. An absent resourcepart counts as an empty string.
    public var resourcepart: [TextCondition]

    /// A pattern that without conditions holds everyone of the current domain.
    public init(
        match: DomainMatch = .currentDomain, localpart: [TextCondition] = [], domainpart: [TextCondition] = [],
        resourcepart: [TextCondition] = []
    ) {
        self.match = match
        self.localpart = localpart
        self.domainpart = domainpart
        self.resourcepart = resourcepart
    }

    /// Whether the pattern holds for `subject`, who asks `host` out of the domains `hosted`.
    func matches(_ subject: AccessSubject, on host: String, hosted: [String]) -> Bool {
        let isConsidered =
            switch match {
            case .all: true
            case .none: false
            case .currentDomain: subject.domainpart == host
            case .anyHostedDomain: hosted.contains(subject.domainpart)
            }
        return isConsidered
            && localpart.allSatisfy { $0.isSatisfied(by: subject.localpart ?? "") }
            && domainpart.allSatisfy { $0.isSatisfied(by: subject.domainpart) }
            && resourcepart.allSatisfy { $0.isSatisfied(by: subject.resourcepart ?? "") }
    }
}

/// The classes of the `acl` section. A class holds whoever matches any of its patterns; the class `all`, which always
/// exists, holds everyone; a class that is not defined holds nobody.
public struct AccessControlLists: Sendable {
    /// The patterns of each class by its name.
    public var classes: [String: [AccessPattern]]

    /// The classes with these patterns.
    public init(_ classes: [String: [AccessPattern]] = [:]) {
        self.classes = classes
    }

    /// Whether `subject`, who asks `host` out of the domains `hosted`, belongs to the class `name`.
    public func contains(_ subject: AccessSubject, in name: String, on host: String, hosted: [String]) -> Bool {
        if name == "all" { return true }
        return classes[name]?.contains { $0.matches(subject, on: host, hosted: hosted) } ?? false
    }

    /// Both put together: the patterns of `other` are added to the class of the same name.
    public func merging(_ other: AccessControlLists) -> AccessControlLists {
        AccessControlLists(classes.merging(other.classes) { $0 + $1 })
    }
}
