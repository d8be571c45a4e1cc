// SPDX-License-Identifier: Apache-2.0
// Why a copy or a comparison ended before its end.

/// One of the two storages of a copy.
public enum StoreSide: String, Hashable, Sendable {
    /// What is copied from. It is only read.
    case source
    /// What is copied to.
    case target
}

/// Why a copy or a comparison of two stores ended early. What was copied stays; begun again, it goes on from there.
public enum StoreCopyError: Error, Equatable, Sendable {
    /// A store could not be read or written.
    case storage(StorageError, StoreSide, StoreKind)
    /// The target refused ``StoreCopy/refusedAccountCountMax`` accounts, most likely all for one reason.
    ///
    /// - Parameter error: the last refusal.
    case refusedTooOften(StorageError, StoreKind)
    /// No digest could be made.
    case digest(CryptoError)
    /// The task was cancelled.
    case cancelled
}

extension StoreCopyError: CustomStringConvertible {
    /// The error for an operator, with the details of the database.
    public var description: String {
        switch self {
        case .storage(let error, let side, let kind): "\(kind.rawValue), \(side.rawValue): \(error.debugDescription)"
        case .refusedTooOften(let error, let kind):
            "\(kind.rawValue): the target refused \(StoreCopy.refusedAccountCountMax) accounts, the last with: "
                + error.debugDescription
        case .digest(let error): "no digest can be made: \(error)"
        case .cancelled: "it was cancelled"
        }
    }
}
