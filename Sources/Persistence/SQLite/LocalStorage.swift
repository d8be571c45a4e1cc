// SPDX-License-Identifier: Apache-2.0
// The local file store: every kind of data in one SQLite file of a directory, or in memory.

import Glibc
public import Logging
public import XMPPCore
public import XMPPPersistenceSQL

/// Where the local store keeps its data.
public enum LocalStorageLocation: Hashable, Sendable {
    /// In the file ``LocalStorage/fileName`` of a directory. Both are made when they are not there, for their owner
    /// alone to read.
    case directory(path: String)
    /// In memory: it is gone when it is closed.
    case memory
}

/// Why the local store does not open. The description is a sentence for whoever runs the server.
public struct LocalStorageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The reason.
    public enum Reason: Hashable, Sendable {
        /// The directory or the file cannot be made or opened.
        ///
        /// - Parameter errno: the system's number for the reason.
        case file(errno: Int32)
        /// The file is not a database, or a damaged one, or cannot be used now.
        case database(StorageError)
        /// The tables are not those of this mimd.
        case schema(SchemaError)
    }

    /// The file, or the directory that it should be in.
    public var path: String
    /// The reason.
    public var reason: Reason

    /// The error for the operator, with the path.
    public var description: String {
        switch reason {
        case .file(let errno): "\(path) cannot be opened: \(String(cString: strerror(errno)))"
        case .database(.corrupt): "\(path) is not a database, or is damaged"
        case .database(let error): "\(path) cannot be used: \(error.debugDescription)"
        case .schema(let error): "\(path) cannot be used: \(error)"
        }
    }
}

/// The local store, open. Several processes may have one file open at once; each sees what the others have stored.
public struct LocalStorage: Sendable {
    /// The name of the file in its directory.
    public static let fileName = "mimd.sqlite"

    /// The stores.
    public let storage: Storage
    /// What they stand on.
    public let database: SQLiteDatabase

    /// Opens the local store: makes what is missing and brings its tables up to date.
    ///
    /// A file that may only be read is opened, for what is in it: whoever wants to store something gets an error.
    ///
    /// - Parameter logger: gets a warning for each row that cannot be read, and an error for a file that may only be
    ///   read.
    /// - Throws: ``LocalStorageError``; a file that another mimd has made is as it was.
    public static func open(
        _ location: LocalStorageLocation, limits: SQLiteDatabase.Limits = .init(),
        logger: Logger = Logger(label: "mimd.storage")
    ) async throws(LocalStorageError) -> LocalStorage {
        let place: SQLiteLocation
        let path: String
        switch location {
        case .memory:
            place = .memory
            path = "the database in memory"
        case .directory(let directory):
            path = try prepareFile(in: directory)
            place = .file(path: path)
        }
        let database: SQLiteDatabase
        do throws(StorageError) {
            database = try await SQLiteDatabase.open(place, limits: limits)
        } catch {
            throw LocalStorageError(path: path, reason: .database(error))
        }
        do throws(SchemaError) {
            let found = try await Schema.migrate(database)
            if found != 0, found != Schema.version {
                logger.notice(
                    "the local store was upgraded",
                    metadata: ["path": "\(path)", "from": "\(found)", "to": "\(Schema.version)"]
                )
            }
        } catch {
            await database.close()
            switch error {
            case .storage(let error): throw LocalStorageError(path: path, reason: .database(error))
            case .newer, .differs, .missing, .drifted: throw LocalStorageError(path: path, reason: .schema(error))
            }
        }
        if await database.isReadOnly {
            logger.error("the local store is read-only: nothing can be stored", metadata: ["path": "\(path)"])
        }
        return LocalStorage(storage: Storage(database: database, logger: logger), database: database)
    }

    /// Waits for the requests that are under way, then closes the file. Later requests throw
    /// ``StorageError/unavailable(detail:)``.
    public func close() async { await database.close() }

    /// Makes the directory and the file: only their owner may read what is in them, credentials among it. SQLite gives
    /// its further files the permissions of this one.
    private static func prepareFile(in directory: String) throws(LocalStorageError) -> String {
        var made = directory.hasPrefix("/") ? "/" : ""
        for part in directory.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? part : "/" + part
            if mkdir(made, 0o700) == 0 { continue }
            let code = errno
            // A part that is there may forbid writing, and still lead to one that does not.
            var status = stat()
            guard stat(made, &status) == 0 else { throw LocalStorageError(path: made, reason: .file(errno: code)) }
        }
        let path = directory.hasSuffix("/") ? directory + fileName : directory + "/" + fileName
        // Made without being opened: closing a descriptor of the file would take away the locks that another database
        // of this process has on it.
        guard mknod(path, S_IFREG | 0o600, 0) == 0 || errno == EEXIST else {
            throw LocalStorageError(path: path, reason: .file(errno: errno))
        }
        return path
    }
}
