import Mustache

/// The field in which a new password is chosen, with what is asked of it and a meter that says how long it would hold.
///
/// The meter works in the page and sends nothing. Without scripts its words come with the answer to the form.
struct NewPasswordField: Sendable {
    /// What the meter says.
    struct Reading: Sendable {
        /// 0 to 4.
        let level: Int
        /// However strong it is: it won't be taken.
        static let mostWithoutMix = 2
        let title: String
        let sentences: [String]
    }

    /// Whether there is a password that it takes the place of.
    let isReplacing: Bool
    /// Whether nothing is to be typed before it.
    var isFirst = false
    /// In code points.
    let fewest: Int
    let lowestScore: Int
    let mostBytes: Int
    /// Whether letters and digits are both asked for.
    let mixes: Bool
    /// Where the page's module lies.
    let module: String
    /// Where the site's own words lie; nil if there are none.
    let words: String?
    /// What is known of the site and the person, for the page's estimate: the same as the server's.
    let about: [String]
    /// Why the last try was refused.
    var error: String?
    var reading: Reading?

    var values: [String: Any] {
        var values: [String: Any] = [
            "isReplacing": isReplacing, "focuses": isFirst || error != nil, "fewest": fewest, "lowestScore": lowestScore,
            "mostBytes": mostBytes, "mixes": mixes, "module": module, "about": about.joined(separator: "\n"),
            "level": reading.map { "\($0.level)" } ?? "", "hasReading": reading != nil, "readingTitle": reading?.title ?? "",
            "readingSentences": reading?.sentences ?? [],
        ]
        values["words"] = words
        values["passwordError"] = error
        return values
    }

    /// To stand in a page's template; `values` fill it. A field named `email` on the same page is taken into account as it is typed.
    static let html = """
        <div class="field"><label for="password">{{#isReplacing}}New password{{/isReplacing}}{{^isReplacing}}Password{{/isReplacing}}</label>
        <span class="hint" id="password-hint">At least {{fewest}} characters. Four unrelated words beat one clever one; {{#mixes}}letters and digits are both asked for{{/mixes}}{{^mixes}}symbols aren’t needed{{/mixes}}.</span>
        {{#passwordError}}\(FieldError.html(id: "password-error", "{{passwordError}}")){{/passwordError}}
        <div class="with-button"><input class="input" id="password" name="password" type="password" autocomplete="new-password" required minlength="{{fewest}}"{{#focuses}} autofocus{{/focuses}} aria-describedby="password-hint{{#passwordError}} password-error{{/passwordError}}"{{#passwordError}} aria-invalid="true"{{/passwordError}}><button class="button" type="button" data-show="password" aria-pressed="false" aria-controls="password" aria-label="Show the password" hidden>Show</button></div></div>
        <div class="strength" data-score="{{level}}" data-module="{{module}}"{{#words}} data-words="{{words}}"{{/words}} data-about="{{about}}" data-fewest="{{fewest}}" data-lowest="{{lowestScore}}" data-most="{{mostBytes}}"{{#mixes}} data-mixes="yes"{{/mixes}}{{^hasReading}} hidden{{/hasReading}}><div class="stones" aria-hidden="true"><i></i><i></i><i></i><i></i></div>
        <output class="says" id="strength" for="password" aria-live="polite">{{#hasReading}}<b>{{readingTitle}}</b>{{#readingSentences}} <span>{{.}}</span>{{/readingSentences}}{{/hasReading}}</output></div>
        <script src="/auth/assets/strength.js" defer></script>
        """
}
