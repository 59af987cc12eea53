import Foundation

/// The source as the tests of the architecture read it: files, their walls, and what each wall may import.
enum House {
    struct File: Sendable, CustomStringConvertible {
        let path: String
        let name: String
        let room: String
        let text: String
        var description: String { path }

        var wall: String { ["+Store", "+Web", "+Command", "Page", "Mail"].first { name.hasSuffix($0) } ?? "" }
        var imports: Set<String> {
            Set(text.matches(of: /(?m)^(?:@testable )?(?:public |package |internal )?import (\w+)/).map { String($0.1) })
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func files(under folder: String) -> [File] {
        let base = root.appending(path: folder)
        let all = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return all.filter { $0.pathExtension == "swift" }.map { url in
            let parts = url.pathComponents.suffix(from: base.pathComponents.count)
            return File(
                path: folder + "/" + parts.joined(separator: "/"), name: url.deletingPathExtension().lastPathComponent,
                room: parts.count > 1 ? parts.first ?? "" : "", text: (try? String(contentsOf: url, encoding: .utf8)) ?? "")
        }
    }

    static let files = files(under: "Sources/PosternServer")

    static let instruments: Set<String> = [
        "Secrets", "PasswordHashing", "NetworkAddress", "OneTimePassword", "PasswordStrength", "BreachFilter", "Throttle", "PhoneNumbers",
        "DeliveryRouting", "UnusualSignIns", "HTTPSPolicy",
    ]

    /// What each wall may import. Value types of the seam (identifiers, times) reach every wall; its verbs don't.
    static let walls: [String: Set<String>] = [
        "+Store": ["Storage", "Secrets", "NetworkAddress", "Throttle"],
        "+Web": ["Hummingbird", "HTTPTypes", "NIOCore", "Storage", "Secrets", "NetworkAddress"],
        "+Command": [
            "ArgumentParser", "Foundation", "Glibc", "Storage", "Secrets", "Logging", "Hummingbird", "NIOCore", "ServiceLifecycle",
            "UnixSignals", "NetworkAddress",
        ],
        "Page": ["Mustache", "Storage"],
        "Mail": ["Mustache", "Secrets", "Storage", "Foundation"],
        "": [
            "Storage", "Secrets", "PasswordHashing", "NetworkAddress", "OneTimePassword", "PasswordStrength", "BreachFilter", "Throttle",
            "PhoneNumbers", "DeliveryRouting", "UnusualSignIns", "Synchronization",
        ],
    ]

    /// Files that have a reason to know more, each with it.
    static let exceptions: [String: (imports: Set<String>, reason: String)] = [
        "AppDirectory": (["Logging", "ServiceLifecycle"], "a service"),
        "PublicSuffix": (["CPublicSuffix"], "asks libpsl"),
        "BlockList": (["Logging", "ServiceLifecycle"], "a service"),
        "RequestGate": (["Logging", "ServiceLifecycle"], "a service"),
        "RulesInForce": (["Foundation", "Logging", "ServiceLifecycle"], "a service that watches a file"),
        "SiteProbe": (["Foundation", "CCurl"], "the door for questions to sites"),
        "Serving": (
            ["Secrets", "Synchronization", "Storage", "Glibc", "Hummingbird", "Logging", "NIOCore", "ServiceLifecycle", "UnixSignals"],
            "runs the server"
        ),
        "Server": (["Hummingbird", "HummingbirdCore", "Logging", "NIOCore", "ServiceLifecycle", "Foundation"], "the composition root"),
        "Opening": (["Foundation", "Glibc", "Logging", "StoreSQLite", "StorePostgres"], "chooses the engine"),
        "LogLines": (["FoundationEssentials", "Glibc", "Logging"], "writes log lines"),
        "System": (["Glibc"], "the clock and the generator"),
        "Settings+File": (["Foundation"], "reads the settings"),
        "SettingsFile": (["Foundation", "Yams"], "reads the settings"),
        "Upkeep": (["Logging", "ServiceLifecycle"], "a service"),
        "SessionDesk": (["Logging", "ServiceLifecycle"], "a service"),
        "JobWorker": (["Logging", "ServiceLifecycle"], "a service"),
        "PasswordParts": (
            ["CStrengthModule", "Crypto", "Foundation"], "makes the room's parts from files and the module's name from its content"
        ),
        "SiteChannel": (["Foundation", "Crypto"], "signs what it sends, in JSON"),
        "NotificationSettings": (["Foundation"], "reads base64 and a folder"),
        "MailWords": (["Mustache", "Yams"], "reads the catalogue of words"),
        "WebhookSender": (["Foundation", "Glibc", "CCurl", "NetworkAddress"], "the door to places of the site's own"),
        "ImportRow": (["FoundationEssentials", "PasswordHashing"], "reads dates and hashes"),
        "ImportFile": (["Foundation"], "reads JSON"),
        "Import+Command": (["Foundation", "Glibc"], "reads a file line by line"),
        "Reminder": (["Foundation"], "a job's payload is JSON"),
        "Reminders+Command": (["FoundationEssentials"], "reads a date"),
        "BreachFilterFile": (["Foundation"], "starts a thread"),
        "MappedFile": (["Glibc"], "maps a file"),
        "BuildBreachFilter": (["Glibc"], "reads and writes files that don't fit into memory"),
        "BuildBreachFilterFiles": (["Glibc"], "reads and writes files that don't fit into memory"),
        "EmailAddress": (["Foundation"], "NFKC"),
        "Password": (["Foundation"], "NFKC"),
        "PasswordHasher": (["WorkThreads"], "owns the threads that hash"),
        "KeyRingFile": (["Foundation", "Glibc", "ServiceLifecycle"], "a file, and a service that watches it"),
        "MailLayout": (["Mustache"], "text for people"),
        "Shell": (["NIOHTTP1"], "tells a broken body from a wrong one"),
        "FrontDoor": (["NIOHTTP1"], "tells a broken body from a wrong one"),
        "StrictHTTP1": (["HummingbirdCore", "NIOHTTP1", "NIOHTTPTypesHTTP1"], "stands in the pipeline"),
        "AuthenticatorAnswers+Web": (["FoundationEssentials", "OneTimePassword"], "answers a secret and a picture"),
        "EnrolPage": (["FoundationEssentials", "OneTimePassword"], "embeds a picture as Base64"),
        "RecoveryCodes+Store": (["PasswordHashing"], "keeps the parameters of a hash"),
        "QRCode": (["CQREncode"], "draws with libqrencode"),
        "SMTPSender": (["Foundation", "CCurl"], "the door for mail"),
        "HTTPCaller": (["Foundation", "CCurl"], "the door to services that bring messages"),
        "TwilioProvider": (["Crypto", "Foundation"], "proves a signature, in Base64"),
        "VonageProvider": (["Crypto", "Foundation"], "proves a signed token, and writes JSON"),
        "SNSProvider": (["Foundation"], "finds a tag in an answer"),
        "TemplateProvider": (["Foundation"], "writes JSON"),
        "SendText": (["Foundation"], "a job's payload is JSON"),
        "CountryNames": (["Foundation"], "knows what countries are called"),
        "Dispatcher": (["Logging", "ServiceLifecycle"], "a service"),
        "DeliveryParts": (["Logging"], "makes a service"),
        "PlaceFile": (["CMaxMindDB", "Glibc"], "reads places with libmaxminddb"),
        "PlaceFinder": (["Logging", "ServiceLifecycle", "WorkThreads"], "a service with a thread of its own"),
        "UpdatePlaces": (["Crypto", "CZlib", "Foundation"], "unpacks and checks files"),
        "FileFetch": (["Foundation", "CCurl"], "the door for large files"),
        "HistoryParts": (["Logging"], "makes services"),
        "KeyParts": (["Logging"], "makes a service"),
        "KeyDesk": (["Logging", "ServiceLifecycle"], "a service"),
        "SettleAttempts": (["Logging", "ServiceLifecycle"], "a service"),
        "DeliveryPage": (["DeliveryRouting"], "shows its figures"),
        "ExperimentPage": (["DeliveryRouting"], "shows its figures"),
        "Delivery+Command": (["DeliveryRouting"], "prints its figures"),
    ]
}
