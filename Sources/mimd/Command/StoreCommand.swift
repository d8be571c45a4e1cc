// SPDX-License-Identifier: Apache-2.0
// `mimd store`: copies stores from one backend to another, and compares them.

import ArgumentParser
import Logging
import XMPPCore

/// `mimd store copy|verify`.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Copy data from one backend to another, and compare them.",
        subcommands: [Copy.self, Verify.self])

    /// `mimd store copy --from TAG --to TAG [--only STORE]`. Exit code 1 when the target does not hold the same
    /// afterwards.
    struct Copy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy stores from one backend to another, then compare both.",
            discussion: """
                The server must not write to either of them meanwhile: stop it, or have it keep other data there. What \
                it writes nevertheless may be missing from the target, and the comparison says so.

                Nothing in the target is changed or removed. An account of which the target has anything that the \
                source does not have stays as it is and is named at the end. A copy that was broken off, by Ctrl-C \
                too, is begun again and goes on.
                """)

        @OptionGroup var stores: StoreOptions

        func run() async throws {
            try await StoreCommand.run(stores, whenTargetIsMissing: .made) { copy, kind, output in
                let total = try await StoreCommand.total(copy, kind, .source, output)
                var line = ProgressLine("copying \(kind.rawValue)", total: total, output: output)
                let report = try await copy.copy(kind) { line.update($0) }
                line.end()
                return report
            }
        }
    }

    /// `mimd store verify --from TAG --to TAG [--only STORE]`. Exit code 1 when something differs.
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare stores of two backends by counts and digests, and name accounts that differ.",
            discussion: "The server must not write to either of them meanwhile.")

        @OptionGroup var stores: StoreOptions

        func run() async throws {
            try await StoreCommand.run(stores, whenTargetIsMissing: .refused) { _, _, _ in nil }
        }
    }

    /// Which stores are meant.
    struct StoreOptions: ParsableArguments {
        @OptionGroup var file: ConfigurationOption
        @Option(
            help: ArgumentHelp(
                "Where the data is: \"local\", or the tag of an [outgoing_pools.rdbms.<tag>].", valueName: "tag"))
        var from: String
        @Option(help: ArgumentHelp("Where it is to be, named likewise.", valueName: "tag"))
        var to: String
        @Option(help: ArgumentHelp("Only this store; may be given more than once.", valueName: "store"))
        var only: [StoreName] = []

        func validate() throws {
            if from == to { throw ValidationError("--from and --to name the same store.") }
        }

        /// The stores in the order in which they are copied.
        var kinds: [StoreKind] {
            StoreKind.allCases.filter { kind in only.isEmpty || only.contains { $0.kind == kind } }
        }
    }

    /// A store by its name, as an argument.
    struct StoreName: ExpressibleByArgument {
        let kind: StoreKind

        init?(argument: String) {
            guard let kind = StoreKind(rawValue: argument) else { return nil }
            self.kind = kind
        }

        static var allValueStrings: [String] { StoreKind.allCases.map(\.rawValue) }
    }

    /// Copies or does not, then compares and reports.
    private static func run(
        _ stores: StoreOptions, whenTargetIsMissing: NamedStorage.MissingStore,
        copying: (StoreCopy, StoreKind, ProgressLine.Output) async throws -> StoreCopyReport?
    ) async throws {
        let loaded = TOMLConfigurationLoader.load(path: stores.file.path)
        StandardErrorLogHandler.bootstrap(least: .warning)
        let source = try await NamedStorage.open(stores.from, of: loaded, whenMissing: .refused)
        let target: NamedStorage
        do {
            target = try await NamedStorage.open(stores.to, of: loaded, whenMissing: whenTargetIsMissing)
        } catch {
            await source.close()
            throw error
        }
        let result: Result<StoreReport, any Error>
        do {
            result = .success(try await report(stores.kinds, source, target, copying))
        } catch let error as StoreCopyError {
            result = .failure(SetUpError("\(error); what was copied stays, run the command again to go on"))
        } catch {
            result = .failure(error)
        }
        await target.close()
        await source.close()
        let report = try result.get()
        print(report.text)
        guard report.isComplete else { throw ExitCode.failure }
    }

    private static func report(
        _ kinds: [StoreKind], _ source: NamedStorage, _ target: NamedStorage,
        _ copying: (StoreCopy, StoreKind, ProgressLine.Output) async throws -> StoreCopyReport?
    ) async throws -> StoreReport {
        let copy = StoreCopy(from: source.storage, to: target.storage)
        let output = ProgressLine.Output.standardError
        var copies: [StoreKind: StoreCopyReport] = [:]
        for kind in kinds { copies[kind] = try await copying(copy, kind, output) }
        var report = StoreReport()
        for kind in kinds {
            let (inSource, inTarget) = (source.unreadableRows.count, target.unreadableRows.count)
            let comparison = try await compare(copy, kind, output)
            var row = StoreReport.Row(kind: kind, copy: copies[kind], comparison: comparison)
            row.unreadableInSource = source.unreadableRows.count - inSource
            row.unreadableInTarget = target.unreadableRows.count - inTarget
            if !comparison.isEqual { row.differences = try await copy.differences(in: kind) }
            report.rows.append(row)
        }
        return report
    }

    private static func compare(
        _ copy: StoreCopy, _ kind: StoreKind, _ output: ProgressLine.Output
    ) async throws -> StoreComparison {
        let totals = (
            try await total(copy, kind, .source, output), try await total(copy, kind, .target, output)
        )
        var line = ProgressLine("reading \(kind.rawValue) of the source", total: totals.0, output: output)
        var side = StoreSide.source
        let comparison = try await copy.compare(kind) { readSide, progress in
            if readSide != side {
                side = readSide
                line.end()
                line = ProgressLine("reading \(kind.rawValue) of the target", total: totals.1, output: output)
            }
            line.update(progress)
        }
        line.end()
        return comparison
    }

    /// How many accounts are ahead, where somebody watches.
    private static func total(
        _ copy: StoreCopy, _ kind: StoreKind, _ side: StoreSide, _ output: ProgressLine.Output
    ) async throws -> Int? {
        guard case .terminal = output else { return nil }
        return try await copy.accountCount(of: kind, on: side)
    }
}
