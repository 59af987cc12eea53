import Secrets

/// Where databases of places come from.
struct PlaceSettings: Sendable {
    struct Source: Sendable {
        let name: String
        /// `{month}` stands for the month, such as 2026-11.
        let url: String
        /// Where its SHA-256 is said; nil where its maker says none.
        let checksum: String?
        let account: String
        let licenceKey: Secret<String>?
    }

    /// Kept by somebody else.
    var files: [String] = []
    /// Kept by the nightly job.
    var sources: [Source] = []

    /// Where a source's file lies.
    static func path(of name: String, in directory: String) -> String { "\(directory)/places/\(name).mmdb" }
}

extension Settings {
    mutating func readPlaces(_ raw: SettingsReader) throws(SettingsFile.Problem) {
        places.files = raw.list("places.files")
        for name in raw.names(under: "places.sources") {
            let key = "places.sources.\(name)"
            guard GroupName(name) != nil else {
                throw raw.problem(key, found: name, allowed: "names of a-z, 0-9 and -, up to 40")
            }
            let url = raw.text(key + ".url") ?? ""
            for (part, text) in [("url", url), ("checksum", raw.text(key + ".checksum") ?? "https://")] {
                guard text.hasPrefix("https://") || Self.isLoopbackURL(text) else {
                    throw raw.problem("\(key).\(part)", found: text, allowed: "an https:// address of a .mmdb, .mmdb.gz or .tar.gz file")
                }
            }
            let (account, licence) = (raw.text(key + ".account") ?? "", raw.text(key + ".licence-key"))
            guard account.isEmpty == (licence == nil) else {
                throw raw.problem(
                    key + ".account", found: account,
                    allowed: "together with licence-key, which POSTERN_PLACES_SOURCES_…_LICENCE_KEY may hold")
            }
            places.sources.append(
                PlaceSettings.Source(
                    name: name, url: url, checksum: raw.text(key + ".checksum"), account: account, licenceKey: licence.map(Secret.init)))
        }
    }

    private static func isLoopbackURL(_ text: String) -> Bool {
        guard text.hasPrefix("http://") else { return false }
        return PublicURL(String(text.prefix { $0 != "?" }.split(separator: "/", maxSplits: 2).prefix(2).joined(separator: "//")))?
            .isLoopback
            ?? false
    }

    /// Every file that places are read from.
    var placeFiles: [String] { places.files + places.sources.map { PlaceSettings.path(of: $0.name, in: dataDirectory) } }
}
