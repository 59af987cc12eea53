/// Where a word that was found in a password comes from.
public enum WordList: Sendable, Equatable {
    case passwords, englishWikipedia, femaleNames, surnames, televisionAndFilm, maleNames
    /// A list that the site added.
    case added
    /// What was said of this person or site.
    case context

    /// In the order of the built-in file, which is the order in which equal guesses are settled.
    static let builtIn: [WordList] = [.passwords, .englishWikipedia, .femaleNames, .surnames, .televisionAndFilm, .maleNames]

    /// The name that zxcvbn gives it.
    public var name: StaticString {
        switch self {
        case .passwords: "passwords"
        case .englishWikipedia: "english_wikipedia"
        case .femaleNames: "female_names"
        case .surnames: "surnames"
        case .televisionAndFilm: "us_tv_and_film"
        case .maleNames: "male_names"
        case .added: "added"
        case .context: "user_inputs"
        }
    }
}
