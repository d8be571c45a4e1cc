// SPDX-License-Identifier: Apache-2.0
// What modules hear of. Each event is declared beside the code that raises it.

/// In which order those who listen to one event are called. Within a phase, in the order of the configuration.
public enum Phase: Int, Sendable, CaseIterable, Comparable {
    /// May forbid.
    case privacy
    /// May change.
    case change
    /// Keeps a copy.
    case archive
    /// Passes on, and what else has no need to come earlier.
    case deliver

    /// Whether `left` comes earlier.
    public static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
}

/// Something that happened, named in the past tense. Listeners cannot prevent it.
public struct Notice<Payload: Sendable>: Sendable {
    let name: String
    /// Declares a notice. No other notice may have its name.
    public init(_ name: String) { self.name = name }
}

/// Something that is about to happen to a value. Each listener may change it, let it pass, or stop it.
public struct Filter<Subject: Sendable>: Sendable {
    let name: String
    /// Declares a filter. No other filter may have its name.
    public init(_ name: String) { self.name = name }
}

/// What a filter decides.
public enum FilterDecision: Sendable {
    /// The next filter is asked.
    case pass
    /// Nobody sees the subject any more, and nobody is told.
    case drop
    /// It is not known yet: the filter has to wait, and then all filters are asked anew, of the subject as it was at
    /// first; or its sender is answered with the error that is thrown. Later stanzas of the stream are held back meanwhile.
    /// Only filters of messages may say this.
    case wait(@Sendable () async throws(StanzaError) -> Void)
}

/// The listeners to one notice, in order.
public struct NoticeHandlers<Payload: Sendable>: Sendable {
    let handlers: [@Sendable (Payload) -> Work]

    /// Whether nobody listens, so that the payload need not be made.
    public var isEmpty: Bool { handlers.isEmpty }

    /// Calls each listener.
    public func raise(_ payload: @autoclosure () -> Payload) -> Work {
        guard !handlers.isEmpty else { return .done }
        let payload = payload()
        var work = Work.done
        for handler in handlers { work = work.then(handler(payload)) }
        return work
    }
}

/// The filters of one kind, in order.
public struct FilterHandlers<Subject: Sendable>: Sendable {
    let handlers: [@Sendable (inout Subject) throws(StanzaError) -> FilterDecision]

    /// Whether nobody listens.
    public var isEmpty: Bool { handlers.isEmpty }

    /// Asks each filter until one stops the subject.
    ///
    /// - Throws: the error that a filter answers with.
    public func apply(_ subject: inout Subject) throws(StanzaError) -> FilterDecision {
        for handler in handlers {
            switch try handler(&subject) {
            case .pass: continue
            case let stopped: return stopped
            }
        }
        return .pass
    }
}
