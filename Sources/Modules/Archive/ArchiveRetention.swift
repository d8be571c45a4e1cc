// SPDX-License-Identifier: Apache-2.0
// Messages that are too old to be kept (XEP-0313 section 3.2: always the oldest of an archive).

import Logging
import XMPPCore

/// Removes what is older than so many days, now and then.
struct ArchiveRetention: Sendable {
    /// How often archives are looked through.
    static let interval = Duration.seconds(3_600)
    /// How many messages are removed at a time.
    static let batchMessageCount = 500
    /// The rest between two batches, for those who use the store.
    private static let pause = Duration.milliseconds(100)

    private let store: any ArchiveStore
    private let host: Host
    private let dayCount: Int?

    /// - Parameter dayCount: how many days messages are kept; nil for ever.
    init(_ store: any ArchiveStore, keeping dayCount: Int?, of host: Host) {
        self.store = store
        self.host = host
        self.dayCount = dayCount
    }

    /// Looks through the archives of owners for which `isOurs` is true, at first after ``interval``, for as long as the
    /// server lives.
    func start(_ isOurs: @escaping @Sendable (BareJID) -> Bool) {
        guard let dayCount else { return }
        let keeping = Duration.seconds(86_400 * dayCount)
        host.every(Self.interval) { await removeOld(keeping, isOurs) }
    }

    private func removeOld(_ keeping: Duration, _ isOurs: (BareJID) -> Bool) async {
        let end = ArchiveID.first(at: host.time.wallTime + (.zero - keeping))
        var cursor: PageCursor?
        var count = 0
        do throws(StorageError) {
            repeat {
                let page = try await store.archives(after: cursor, limit: Page<BareJID>.itemCountMax)
                for archive in page.items where isOurs(archive) {
                    var removed = 0
                    repeat {
                        removed = try await store.remove(before: end, in: archive, limit: Self.batchMessageCount)
                        count += removed
                        if removed > 0, await !host.router.pause(for: Self.pause) { return }
                    } while removed == Self.batchMessageCount
                }
                cursor = page.next
            } while cursor != nil
            if count > 0 { host.logger.info("old messages were removed", metadata: ["messages": "\(count)"]) }
        } catch {
            host.logFailure("old messages were not removed", error)
        }
    }
}
