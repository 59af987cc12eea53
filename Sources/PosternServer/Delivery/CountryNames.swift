import Foundation

/// Countries as people read them.
enum CountryNames {
    private static let locale = Locale(identifier: "en")

    /// The code itself where there is no name.
    static func english(_ code: String) -> String { code.isEmpty ? "all countries" : locale.localizedString(forRegionCode: code) ?? code }
}
