// SPDX-License-Identifier: Apache-2.0
// Errors of the operating system.

import Glibc

/// A system call that failed.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The call, and what it was about where that helps.
    public let operation: String
    /// The value of `errno`.
    public let code: Int32

    /// Takes the code from `errno`, unless one is given.
    init(_ operation: String, code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }

    /// What failed, and what the system calls the error.
    public var description: String { "\(operation): \(String(cString: strerror(code)))" }
}
