/// A browser and a system in words, as far as `User-Agent` tells. For people to recognise; never decided on.
package struct Program: Hashable, Sendable {
    /// Place in ``browsers`` and ``systems``, from 1; 0 for another. What stands in the lists keeps its place: it is stored.
    let browserCode: UInt8
    let systemCode: UInt8

    // The first that fits wins: Edge also says Chrome, Chrome also says Safari.
    private static let browsers = [
        ("Edg/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"), ("python", "A Python program"),
    ]
    private static let systems = [
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]

    package init(_ userAgent: String) {
        func code(_ list: [(String, String)]) -> UInt8 {
            UInt8((list.firstIndex { userAgent.contains($0.0) } ?? -1) + 1)
        }
        (browserCode, systemCode) = (code(Self.browsers), code(Self.systems))
    }

    /// What isn't in the lists counts as another.
    init(browserCode: UInt8, systemCode: UInt8) {
        self.browserCode = browserCode <= Self.browsers.count ? browserCode : 0
        self.systemCode = systemCode <= Self.systems.count ? systemCode : 0
    }

    /// Empty for another.
    var browser: String { browserCode == 0 ? "" : Self.browsers[Int(browserCode) - 1].1 }
    var system: String { systemCode == 0 ? "" : Self.systems[Int(systemCode) - 1].1 }

    var words: String {
        switch (browser.isEmpty, system.isEmpty) {
        case (false, false): "\(browser) on \(system)"
        case (false, true): browser
        case (true, false): "A program on \(system)"
        case (true, true): "An unknown program"
        }
    }
}
