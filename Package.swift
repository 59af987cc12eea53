// swift-tools-version: 6.2
import PackageDescription

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

let package = Package(
    name: "postern",
    products: [
        .executable(name: "postern", targets: ["postern"]),
        .executable(name: "PosternBenchmarks", targets: ["PosternBenchmarks"]),
        .library(name: "Secrets", targets: ["Secrets"]),
        .library(name: "PasswordHashing", targets: ["PasswordHashing"]),
        .library(name: "NetworkAddress", targets: ["NetworkAddress"]),
        .library(name: "OneTimePassword", targets: ["OneTimePassword"]),
        .library(name: "PasswordStrength", targets: ["PasswordStrength"]),
        .library(name: "BreachFilter", targets: ["BreachFilter"]),
        .library(name: "Throttle", targets: ["Throttle"]),
        .library(name: "PhoneNumbers", targets: ["PhoneNumbers"]),
        .library(name: "DeliveryRouting", targets: ["DeliveryRouting"]),
        .library(name: "UnusualSignIns", targets: ["UnusualSignIns"]),
        .library(name: "HTTPSPolicy", targets: ["HTTPSPolicy"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Instruments: pure, public, usable alone.
        .target(name: "Secrets", dependencies: [crypto, "CZlib"]),
        .target(name: "PasswordHashing", dependencies: ["CArgon2", "CCrypt", "COpenSSL"]),
        .target(name: "NetworkAddress"),
        .target(name: "OneTimePassword", dependencies: [crypto]),
        .target(name: "PasswordStrength", dependencies: ["CPasswordWords"]),
        .target(name: "CPasswordWords", exclude: ["words.bin"]),
        .target(name: "BreachFilter", dependencies: [crypto]),
        .target(name: "Throttle"),
        .target(name: "PhoneNumbers", dependencies: ["CPhoneNumber"]),
        .target(name: "CPhoneNumber", linkerSettings: [.linkedLibrary("phonenumber")]),
        .target(name: "DeliveryRouting"),
        .target(name: "UnusualSignIns"),
        .target(name: "HTTPSPolicy"),

        // The database seam.
        .target(name: "Storage"),
        .target(name: "WorkThreads"),
        .target(
            name: "StoreSQLite",
            dependencies: [
                "Storage", "WorkThreads", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(name: "StorePostgres", dependencies: ["Storage", "WorkThreads", "CPostgres"]),

        // System libraries.
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CPublicSuffix", pkgConfig: "libpsl", providers: [.apt(["libpsl-dev"])]),
        .systemLibrary(name: "CQREncode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev", "zlib1g-dev"])]),
        .systemLibrary(name: "CMaxMindDB", pkgConfig: "libmaxminddb", providers: [.apt(["libmaxminddb-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Built by `make wasm` from PasswordStrength.
        .target(name: "CStrengthModule", exclude: ["strength.wasm.gz"]),

        // The house.
        .target(
            name: "PosternServer",
            dependencies: [
                "Secrets", "PasswordHashing", "NetworkAddress", "Storage", "StoreSQLite", "StorePostgres", "WorkThreads", "CCurl", crypto,
                "OneTimePassword", "CQREncode", "CPublicSuffix", "PasswordStrength", "BreachFilter", "Throttle", "CStrengthModule",
                "PhoneNumbers", "DeliveryRouting", "UnusualSignIns", "CMaxMindDB", "CZlib",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("Assets")]
        ),
        .target(name: "Support", dependencies: ["Storage", "StoreSQLite", "StorePostgres"], path: "Tests/Support"),
        .testTarget(name: "SecretsTests", dependencies: ["Secrets", "Support"]),
        .testTarget(name: "PasswordHashingTests", dependencies: ["PasswordHashing", "Support"], resources: [.copy("Vectors")]),
        .testTarget(name: "NetworkAddressTests", dependencies: ["NetworkAddress", "Support"]),
        .testTarget(name: "PasswordStrengthTests", dependencies: ["PasswordStrength", "Support"]),
        .testTarget(name: "BreachFilterTests", dependencies: ["BreachFilter", "Support"]),
        .testTarget(name: "ThrottleTests", dependencies: ["Throttle", "Support"], exclude: ["rack-attack.rb"]),
        .testTarget(name: "PhoneNumbersTests", dependencies: ["PhoneNumbers", "Support"]),
        .testTarget(name: "UnusualSignInsTests", dependencies: ["UnusualSignIns", "Support"]),
        .testTarget(name: "HTTPSPolicyTests", dependencies: ["HTTPSPolicy", "Support"]),
        .testTarget(name: "DeliveryRoutingTests", dependencies: ["DeliveryRouting", "Support"]),
        .testTarget(name: "OneTimePasswordTests", dependencies: ["OneTimePassword", "Support"], resources: [.copy("Vectors")]),
        .testTarget(name: "StoreTests", dependencies: ["Storage", "StoreSQLite", "StorePostgres", "Support"]),
        .testTarget(
            name: "PosternServerTests",
            dependencies: [
                "PosternServer", "Support", "Storage", "Secrets", "NetworkAddress", "PasswordHashing", "OneTimePassword",
                "PasswordStrength", "BreachFilter", "Throttle", "PhoneNumbers", "DeliveryRouting", "UnusualSignIns",
                .product(name: "Hummingbird", package: "hummingbird"), .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
            ], resources: [.copy("Places/places.mmdb")]),
        .testTarget(name: "RoomsTests"),

        .executableTarget(
            name: "PosternBenchmarks",
            dependencies: [
                "PosternServer", "Storage", "Secrets", "OneTimePassword", "PasswordStrength", "BreachFilter", "Throttle", "NetworkAddress",
                "DeliveryRouting", "UnusualSignIns",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"), .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Benchmarks/PosternBenchmarks"),
        .executableTarget(
            name: "postern", dependencies: ["PosternServer", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

for target in package.targets where target.type != .system && !["CPasswordWords", "CStrengthModule", "CPhoneNumber"].contains(target.name) {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
}

// The server is many pages and little that is hot: smaller is worth more there. What is hot stands in the instruments.
for target in package.targets where target.name == "PosternServer" {
    target.swiftSettings?.append(.unsafeFlags(["-Osize"], .when(configuration: .release)))
}
