// SPDX-License-Identifier: Apache-2.0
// Reads a configuration file whole, with a bound on its size.

import Glibc

/// The text of a configuration file.
enum ConfigurationFile {
    /// The largest file that is read, in bytes; a configuration has some thousand.
    static let byteCountMax = 4 * 1_024 * 1_024

    /// A file that cannot be read.
    struct Unreadable: Error, Equatable {
        /// Why, in the system's words or ours.
        let reason: String
    }

    /// The text of the file at `path`.
    /// - Throws: ``Unreadable`` when it does not exist, may not be read, is too large or is not UTF-8.
    static func text(at path: String) throws(Unreadable) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            let hint = errno == ENOENT ? "; name the configuration with --config FILE" : ""
            throw Unreadable(reason: String(cString: strerror(errno)) + hint)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Unreadable(reason: String(cString: strerror(errno))) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= byteCountMax else {
                throw Unreadable(reason: "the file is larger than \(byteCountMax) bytes")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Unreadable(reason: "the file is not UTF-8")
        }
        return text
    }
}
