// SPDX-License-Identifier: Apache-2.0
// What a store can answer instead of data.

/// Why a store did not do what it was asked to.
///
/// `description` carries no stored value and no statement, so that it may be logged and counted; the details are in
/// `debugDescription`. What is absent is nil or empty, never an error.
public enum StorageError: Error, Hashable, Sendable {
    /// The backend cannot be reached, is busy, is full of waiting requests, cannot write, or was closed. Nothing was
    /// changed, or it is not known whether it was; the same request may succeed later.
    ///
    /// - Parameter detail: why, for the operator: without stored values, for it is logged.
    case unavailable(detail: String)
    /// What was to be created exists, or what was to be changed was changed by somebody else meanwhile.
    case conflict
    /// The store holds as much as the caller said it may hold. Nothing was changed.
    case limitExceeded
    /// What is stored cannot be read: the fault of whoever wrote it, or of the disk. Asking again does not help.
    case corrupt(detail: String)
    /// The backend refused for a reason of its own.
    ///
    /// - Parameter code: the backend's name for the reason: a SQLSTATE, a SQLite result code.
    case backend(code: String, detail: String)
}

extension StorageError: CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind of error, without stored values and statements.
    public var description: String {
        switch self {
        case .unavailable(let detail): "the store is unavailable: \(detail)"
        case .conflict: "the stored data is in conflict with the request"
        case .limitExceeded: "the store holds as much as it may"
        case .corrupt: "stored data cannot be read"
        case .backend(let code, _): "the store refused the request (\(code))"
        }
    }

    /// The kind of error and its details, which may hold stored values.
    public var debugDescription: String {
        switch self {
        case .unavailable, .conflict, .limitExceeded: description
        case .corrupt(let detail), .backend(_, let detail): "\(description): \(detail)"
        }
    }
}
