import Foundation
import Secrets

extension Settings {
    /// Of the key that signs, as Standard Webhooks asks.
    private static let keyBytes = 24...64

    mutating func readNotifications(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        siteChannelsMayBePrivate = try raw.yesNo("notifications.allow-private") ?? false
        if let url = raw.text("notifications.webhook.url") {
            try check(url, "notifications.webhook.url", shown: url, raw)
            guard let text = raw.text("notifications.webhook.secret"), text.hasPrefix("whsec_"),
                let key = Data(base64Encoded: String(text.dropFirst(6))), Self.keyBytes.contains(key.count)
            else {
                throw raw.problem(
                    "notifications.webhook.secret", found: raw.text("notifications.webhook.secret") == nil ? "nothing" : "something else",
                    allowed: "whsec_ and 24 to 64 random bytes in base64: printf 'whsec_%s' $(head -c 32 /dev/urandom | base64)")
            }
            siteChannels.append(
                SiteChannel(
                    channel: .webhook, url: Secret(url), key: Secret(Array(key)), kinds: try kinds("notifications.webhook.kinds", raw)))
        }
        if let url = raw.text("notifications.slack.url") {
            try check(url, "notifications.slack.url", shown: "something else", raw)
            siteChannels.append(
                SiteChannel(channel: .slack, url: Secret(url), key: nil, kinds: try kinds("notifications.slack.kinds", raw)))
        }
    }

    /// A folder with any of `notices.en.yaml`, `mail.html` and `mail.txt`.
    mutating func readMailLayout(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        mailLayout = MailLayout(siteName: site.name)
        guard let folder = raw.text("mail.templates") else { return }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var found = 0
        /// Nil where there is no such file.
        func read<Value>(_ name: String, _ parse: (String) throws -> Value) throws(SettingsFile.Problem) -> Value? {
            guard names.contains(name) else { return nil }
            found += 1
            guard let data = FileManager.default.contents(atPath: folder + "/" + name), let text = String(validating: data, as: UTF8.self)
            else { throw raw.problem("mail.templates", found: "\(folder)/\(name)", allowed: "a file that can be read, in UTF-8") }
            do { return try parse(text) } catch {
                throw raw.problem("mail.templates", found: "\(folder)/\(name)", allowed: "words that can be read. \(error)")
            }
        }
        if let words = try read("notices.en.yaml", { try MailWords(overriding: $0, name: "notices.en.yaml") }) { mailLayout.words = words }
        mailLayout.html = try read("mail.html", Pages.template(of:))
        mailLayout.text = try read("mail.txt", Pages.plainTemplate(of:))
        guard found > 0 else {
            throw raw.problem("mail.templates", found: folder, allowed: "a folder with notices.en.yaml, mail.html or mail.txt in it")
        }
    }

    private func check(_ url: String, _ key: String, shown: String, _ raw: SettingsReader) throws(SettingsFile.Problem) {
        let isURL = url.hasPrefix("https://") || (siteChannelsMayBePrivate && url.hasPrefix("http://"))
        guard isURL, isPlainLine(url), !url.contains(" ") else {
            throw raw.problem(key, found: shown, allowed: "an https:// URL; http:// only with notifications.allow-private: yes")
        }
    }

    private func kinds(_ key: String, _ raw: SettingsReader) throws(SettingsFile.Problem) -> Set<Notice.Kind> {
        guard raw.isSet(key) else { return SiteChannel.standardKinds }
        return Set(
            try raw.list(key).map { text throws(SettingsFile.Problem) in
                guard let kind = Notice.Kind(rawValue: text) else {
                    throw raw.problem(key, found: text, allowed: Notice.Kind.allCases.map(\.rawValue).joined(separator: ", "))
                }
                return kind
            })
    }
}
