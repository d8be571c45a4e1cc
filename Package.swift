// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "mimd",
    products: [
        .executable(name: "mimd", targets: ["mimd"]),
        .library(name: "XMPPCore", targets: ["XMPPCore"]),
        .library(name: "XMPPModules", targets: ["XMPPModules"]),
        .library(name: "XMPPPersistenceSQL", targets: ["XMPPPersistenceSQL"]),
        .library(name: "XMPPPersistenceSQLite", targets: ["XMPPPersistenceSQLite"]),
        .library(name: "XMPPPersistenceMySQL", targets: ["XMPPPersistenceMySQL"]),
        .library(name: "XMPPPersistencePostgreSQL", targets: ["XMPPPersistencePostgreSQL"]),
        .library(name: "XMPPPersistenceConformance", targets: ["XMPPPersistenceConformance"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CIDN", pkgConfig: "libidn", providers: [.apt(["libidn-dev"])]),
        .systemLibrary(name: "CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CMariaDB", pkgConfig: "libmariadb", providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "XMPPCore",
            dependencies: [
                "CIDN", "CLibXML2", "CLinux", "COpenSSL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "XMPPModules",
            dependencies: [
                "XMPPCore", .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Modules",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "XMPPPersistenceSQL",
            dependencies: [
                "CZlib", "XMPPCore", .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Persistence/SQL",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "XMPPPersistenceSQLite",
            dependencies: [
                "CSQLite", "XMPPCore", "XMPPPersistenceSQL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Persistence/SQLite",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "XMPPPersistenceMySQL",
            dependencies: [
                "CMariaDB", "XMPPCore", "XMPPPersistenceSQL", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Persistence/MySQL",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "XMPPPersistencePostgreSQL",
            dependencies: [
                "CPostgreSQL", "XMPPCore", "XMPPPersistenceSQL",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Persistence/PostgreSQL",
            swiftSettings: swiftSettings
        ),
        .target(
            name: "XMPPPersistenceConformance",
            dependencies: ["XMPPCore"],
            path: "Sources/Persistence/Conformance",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "mimd",
            dependencies: [
                "XMPPCore", "XMPPModules", "XMPPPersistenceMySQL", "XMPPPersistencePostgreSQL", "XMPPPersistenceSQL",
                "XMPPPersistenceSQLite", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "TOMLKit", package: "TOMLKit"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "Embedding",
            dependencies: ["XMPPCore", "XMPPModules", "XMPPPersistenceSQLite"],
            path: "Examples/Embedding",
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "MimdTests",
            dependencies: [
                "Embedding", "XMPPCore", "XMPPPersistencePostgreSQL", "XMPPPersistenceSQL", "mimd",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["Fixtures"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "FuzzTests",
            dependencies: ["XMPPCore", "XMPPPersistenceSQL", "mimd"],
            exclude: ["Corpus"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "ModulesTests",
            dependencies: [
                "XMPPCore", "XMPPModules", "XMPPPersistenceConformance", "XMPPPersistenceSQL", "XMPPPersistenceSQLite",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "ScenarioTests",
            dependencies: [
                "COpenSSL", "XMPPCore", "XMPPModules", "XMPPPersistenceSQLite", "mimd",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "XMPPCore", "XMPPModules", "XMPPPersistenceSQLite",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(name: "TidyTests", swiftSettings: swiftSettings),
        .testTarget(
            name: "PersistenceTests",
            dependencies: [
                "XMPPCore", "XMPPPersistenceConformance", "XMPPPersistenceMySQL", "XMPPPersistencePostgreSQL",
                "XMPPPersistenceSQL", "XMPPPersistenceSQLite", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "XMPPCoreTests",
            dependencies: ["COpenSSL", "XMPPCore", .product(name: "Logging", package: "swift-log")],
            swiftSettings: swiftSettings
        ),
    ],
    swiftLanguageModes: [.v6]
)
