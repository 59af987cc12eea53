import PasswordStrength

extension RepeatedPassword {
    private var reason: Reason { self == .unchanged ? .passwordUnchanged : .passwordUsed }

    var words: String {
        switch self {
        case .unchanged: Reason.passwordUnchanged.advice
        case .used(let last): "That is one of your last \(last) passwords. Choose one that you haven’t had."
        }
    }

    var refused: Refused { Refused(reason, field: "password", detail: words) }
}

/// A refusal of a password, for pages and for programs.
extension PasswordRefusal {
    var reason: Reason {
        switch self {
        case .tooShort: .passwordTooShort
        case .tooLong: .passwordTooLong
        case .common: .passwordCommon
        case .tooWeak: .passwordTooWeak
        case .notMixed: .passwordNotMixed
        case .breached: .passwordBreached
        case .unasked: .passwordUnasked
        }
    }

    /// What it was refused for, and what to do, in one line.
    var words: String {
        switch self {
        case .tooShort(let fewest, _): "That is shorter than \(fewest) characters. Add a word or two."
        case .tooLong(let most): "That is longer than \(most) bytes. Shorten it."
        case .common: Reason.passwordCommon.advice
        case .tooWeak(let lowest, _): "That is too easy to guess: “\(StrengthEstimator.title(of: lowest))” is asked for here."
        case .notMixed: Reason.passwordNotMixed.advice
        case .breached: Reason.passwordBreached.advice
        case .unasked: Reason.passwordUnasked.advice
        }
    }

    var refused: Refused {
        return Refused(reason, field: "password", detail: ([words] + (reading?.sentences ?? [])).joined(separator: " "))
    }

    /// What the meter says; nil where how long it would hold says nothing.
    private var reading: NewPasswordField.Reading? {
        switch self {
        case .tooShort(_, let verdict), .common(let verdict), .tooWeak(_, let verdict):
            NewPasswordField.Reading(level: verdict.level, title: verdict.title, sentences: verdict.sentences)
        case .notMixed(let verdict):
            NewPasswordField.Reading(
                level: min(verdict.level, NewPasswordField.Reading.mostWithoutMix), title: verdict.title,
                sentences: verdict.sentences + ["\(Reason.passwordNotMixed.title)."])
        case .tooLong, .breached, .unasked: nil
        }
    }

    /// The field once more, with what was wrong.
    func field(_ field: NewPasswordField) -> NewPasswordField {
        var field = field
        field.error = words
        field.reading = reading
        return field
    }
}
