// SPDX-License-Identifier: Apache-2.0
// `mimd store` as an operator runs it: the program itself, between a local store and a PostgreSQL server.

import Dispatch
import Foundation
import Glibc
import Testing
import XMPPCore
import XMPPPersistenceSQL

@testable import XMPPPersistenceConformance

@Suite(
    .enabled(
        if: MimdProgram.path != nil && DatabaseServer.postgreSQL.isThere,
        "MIMD names no program, or no database is there"))
struct StoreCopyCommandTests {
    private typealias Fill = StoreCopyFixtures

    /// Gives `body` the program in a directory with a filled local store and an empty database `other`.
    private func withProgram(
        _ body: (MimdProgram, String, PooledDatabase) async throws -> Void
    ) async throws {
        try await Backend.withDirectory { directory in
            try await Backend.withStorage(in: directory) {
                try await Fill.fillHostile($0, limits: Backend.postgreSQL.limits)
            }
            var name = ""
            try await DatabaseServer.postgreSQL.withDatabase { settings in
                name = settings.database
            } _: { database in
                let program = MimdProgram(directory: directory)
                try program.configure(database: name)
                try await body(program, directory, database)
            }
        }
    }

    @Test func aDatabaseWithoutTheSchemaIsRefusedWithTheCommandThatMakesIt() async throws {
        try await withProgram { program, _, _ in
            let refused = try await program.run("store", "copy", "--from", "local", "--to", "other")
            #expect(refused.code == 1)
            #expect(refused.errors.contains("mimd schema apply --config \(program.configuration) --pool other"))
            #expect(try await program.run("schema", "apply", "--pool", "other").code == 0)
            #expect(try await program.run("schema", "verify", "--pool", "other").code == 0)
            let unknown = try await program.run("store", "verify", "--from", "local", "--to", "others")
            #expect(unknown.code == 1)
            #expect(unknown.errors.contains("the stores are: local, other"))
        }
    }

    @Test func aKilledCopyIsBegunAgainAndGoesThereAndBack() async throws {
        try await withProgram { program, directory, database in
            #expect(try await program.run("schema", "apply", "--pool", "other").code == 0)
            // The first line says that the rosters are there; messages are on their way.
            let killed = try await program.run("store", "copy", "--from", "local", "--to", "other", killedAtLine: 1)
            #expect(killed.code == SIGKILL)
            let copied = try await program.run("store", "copy", "--from", "local", "--to", "other")
            #expect(copied.code == 0, "\(copied.errors)")
            #expect(copied.output.hasSuffix("The target holds what the source holds.\n"))
            let target = Storage(database: database, logger: Backend.logger)
            try await Backend.withStorage(in: directory) { source in
                let contents = try await (Fill.contents(source), Fill.contents(target))
                #expect(contents.0 == contents.1)
            }
            let elsewhere = directory + "/back"
            try program.configure(database: program.database, dataDirectory: elsewhere)
            #expect(try await program.run("store", "copy", "--from", "other", "--to", "local").code == 0)
            try await Backend.withStorage(in: elsewhere) { source in
                let contents = try await (Fill.contents(source), Fill.contents(target))
                #expect(contents.0 == contents.1)
            }
        }
    }

    @Test func whatDiffersIsNamedAndEndsInFailure() async throws {
        try await withProgram { program, _, database in
            #expect(try await program.run("schema", "apply", "--pool", "other").code == 0)
            let target = Storage(database: database, logger: Backend.logger)
            let romeo = try Fixtures.romeo()
            try await Fill.append("not in the source", to: romeo, target)
            let copied = try await program.run("store", "copy", "--from", "local", "--to", "other")
            #expect(copied.code == 1)
            let note = "offline-messages: 1 account not the same in the target"
            #expect(copied.output.contains("\(note), left as they were: \(romeo)"))
            let options = ["store", "verify", "--from", "local", "--to", "other"]
            let verified = try await program.run(options + ["--only", "offline-messages"])
            #expect(verified.code == 1)
            #expect(verified.output.contains("\(note): \(romeo)"))
            let others = try await program.run(options + ["--only", "rosters", "--only", "accounts"])
            #expect(others.code == 0)
            #expect(!others.output.contains("offline-messages"))
        }
    }
}

/// The built program with a configuration of its own.
final class MimdProgram {
    static let path = ProcessInfo.processInfo.environment["MIMD"]

    /// How a run ended: the exit code or the signal, and what it wrote.
    struct Run {
        var code: Int32
        var output: String
        var errors: String
    }

    let configuration: String
    private let directory: String
    private(set) var database = ""

    init(directory: String) {
        self.directory = directory
        configuration = directory + "/mimd.toml"
    }

    func configure(database: String, dataDirectory: String? = nil) throws {
        self.database = database
        let settings = DatabaseServer.postgreSQL.settings(database: database)
        let text = """
            [general]
            hosts = ["capulet.example"]
            default_server_domain = "capulet.example"
            [auth.internal]
            backend = "sqlite"
            [mimd]
            data_directory = "\(dataDirectory ?? directory)"
            [outgoing_pools.rdbms.other]
            workers = 2
            [outgoing_pools.rdbms.other.connection]
            driver = "pgsql"
            host = "\(settings.host)"
            port = \(settings.port)
            database = "\(settings.database)"
            username = "\(settings.username)"
            password = "\(settings.password ?? "")"

            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
    }

    func run(_ arguments: String...) async throws -> Run { try await run(arguments) }

    func run(_ arguments: String..., killedAtLine line: Int) async throws -> Run {
        try await run(arguments, killedAtLine: line)
    }

    /// Runs the program to its end.
    ///
    /// - Parameter killedAtLine: after so many lines of standard error it is killed; nil for never.
    func run(_ arguments: [String], killedAtLine: Int? = nil) async throws -> Run {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.path))
        process.arguments = arguments + ["--config", configuration]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        // What is read of either is read as it comes: a pipe that is full would keep the program from ending.
        async let text = Self.read(output.fileHandleForReading) { _ in }
        async let errorText = Self.read(errors.fileHandleForReading) { lineCount in
            if lineCount == killedAtLine { kill(process.processIdentifier, SIGKILL) }
        }
        try process.run()
        let read = await (text, errorText)
        process.waitUntilExit()
        return Run(code: process.terminationStatus, output: read.0, errors: read.1)
    }

    /// Reads on a thread that may wait: other tests need those of the tasks.
    private static func read(_ handle: FileHandle, _ line: @escaping @Sendable (Int) -> Void) async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var bytes = Data()
                var lineCount = 0
                while true {
                    let chunk = handle.availableData
                    if chunk.isEmpty { break }
                    bytes += chunk
                    for _ in 0..<chunk.count(where: { $0 == UInt8(ascii: "\n") }) {
                        lineCount += 1
                        line(lineCount)
                    }
                }
                continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}
