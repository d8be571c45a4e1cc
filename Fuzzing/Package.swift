// swift-tools-version: 6.2
// The coverage-guided fuzzer: a package of its own, for it is built with libFuzzer and the address sanitizer, and whoever
// embeds the server needs neither. scripts/fuzz.sh builds and runs it.
import PackageDescription

let package = Package(
    name: "fuzzing",
    dependencies: [
        .package(name: "mimd", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        // Beside its own file it compiles, by symbolic links, the properties of Tests/FuzzTests and the configuration
        // reader of Sources/mimd.
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "TOMLKit", package: "TOMLKit"),
                .product(name: "XMPPCore", package: "mimd"),
                .product(name: "XMPPModules", package: "mimd"),
                .product(name: "XMPPPersistenceSQL", package: "mimd"),
            ],
            swiftSettings: [
                .define("FUZZING"),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .treatAllWarnings(as: .error),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
