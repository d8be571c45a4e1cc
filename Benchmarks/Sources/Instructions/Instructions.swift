// SPDX-License-Identifier: Apache-2.0
// Instructions NAME COUNT: does a workload COUNT times, under callgrind. scripts/instructions.sh runs it twice with
// different counts, so that what starting costs is left out.

import Foundation
import Workloads

@main
enum Instructions {
    // Not asynchronous: valgrind does not bear a main thread that ends while others run.
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let count = Int(arguments[2]),
            let workload = Workload.all.first(where: { $0.name == arguments[1] })
        else {
            for workload in Workload.all { print(workload.name) }
            exit(arguments.count == 1 ? 0 : 64)
        }
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            do {
                let work = try await workload.prepare()
                await work(count)
            } catch {
                print("\(workload.name): \(error)")
                exit(1)
            }
            done.signal()
        }
        done.wait()
    }
}
