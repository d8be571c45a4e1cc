// SPDX-License-Identifier: Apache-2.0
// The workloads, timed: `swift package --package-path Benchmarks benchmark`.

import Benchmark
import Workloads

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput], scalingFactor: .kilo, maxDuration: .seconds(2)
    )
    for workload in Workload.all {
        Benchmark(
            workload.name,
            closure: { benchmark, work in
                benchmark.startMeasurement()
                await work(benchmark.scaledIterations.count)
                benchmark.stopMeasurement()
            },
            setup: { try await workload.prepare() }
        )
    }
}
