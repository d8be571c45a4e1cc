// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what benchmarks need is no user's dependency.
let package = Package(
    name: "mimd-benchmarks",
    dependencies: [
        .package(name: "mimd", path: ".."),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .target(
            name: "Workloads",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "XMPPCore", package: "mimd"),
                .product(name: "XMPPModules", package: "mimd"),
                .product(name: "XMPPPersistenceSQLite", package: "mimd"),
            ]
        ),
        .executableTarget(name: "Instructions", dependencies: ["Workloads"]),
        .executableTarget(
            name: "Stores",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "XMPPCore", package: "mimd"),
                .product(name: "XMPPPersistenceMySQL", package: "mimd"),
                .product(name: "XMPPPersistencePostgreSQL", package: "mimd"),
                .product(name: "XMPPPersistenceSQL", package: "mimd"),
                .product(name: "XMPPPersistenceSQLite", package: "mimd"),
            ]
        ),
        .executableTarget(
            name: "Micro",
            dependencies: ["Workloads", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Micro",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),
    ]
)
