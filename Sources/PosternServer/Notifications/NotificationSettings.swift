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
