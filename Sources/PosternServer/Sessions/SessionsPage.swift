import Storage

/// Where somebody is signed in.
struct SessionsPage {
    let sessions: [(session: Session, place: ShownPlace)]
    let current: Session.ID
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        let others = sessions.filter { $0.session.id != current }
        return pages.account(
            Self.template, title: "Sessions", at: .sessions, for: reader,
            [
                "here": sessions.filter { $0.session.id == current }.map(row), "others": others.map(row), "hasOthers": !others.isEmpty,
                "heading": others.count == 1 ? "One other" : "\(others.count) others",
                "endAll": others.count == 1 ? "End it" : "End all \(others.count)",
            ])
    }

    private func row(_ line: (session: Session, place: ShownPlace)) -> [String: Any] {
        let session = line.session
        return [
            "place": HistoryWords.place(line.place),
            "id": session.id.description, "browser": Program(session.browser).words, "address": session.address,
            "since": ISOTime.words(session.createdAt), "sinceISO": ISOTime.text(session.createdAt), "seen": ISOTime.words(session.seenAt),
            "seenISO": ISOTime.text(session.seenAt), "ends": ISOTime.words(session.expiresAt), "endsISO": ISOTime.text(session.expiresAt),
            "kept": session.isKept,
        ]
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Sessions</h1><p>Where you are signed in. Ending one signs that device out within a second.</p></div></div>
        <div class="stack">
        <section class="card" aria-labelledby="this"><header><div><h2 id="this">This one</h2></div></header><ul class="rows">
        {{#here}}<li><div><p class="title">{{browser}}</p><p class="meta">From <code>{{address}}</code>. {{place}}. Since <time datetime="{{sinceISO}}">{{since}}</time>{{#kept}}, kept signed in{{/kept}}.</p><p class="meta">Ends <time datetime="{{endsISO}}">{{ends}}</time> at the latest.</p></div></li>{{/here}}
        </ul><footer><details class="confirm"><summary class="button danger small">End all, this one too</summary><form class="sure" action="/auth/account/sessions/end-all" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><p>You are signed out everywhere, also here.</p><button class="button danger solid">End all sessions</button></form></details></footer></section>
        {{#hasOthers}}<section class="card" aria-labelledby="others"><header><div><h2 id="others">{{heading}}</h2></div><details class="confirm"><summary class="button danger small">{{endAll}}</summary><form class="sure" action="/auth/account/sessions/end-others" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><p>They are signed out within a second. You stay signed in here. Unsaved work there may be lost.</p><button class="button danger solid">{{endAll}}</button></form></details></header><ul class="rows">
        {{#others}}<li><div><p class="title">{{browser}}</p><p class="meta">From <code>{{address}}</code>. {{place}}. Last seen <time datetime="{{seenISO}}">{{seen}}</time>.</p><p class="meta">Since <time datetime="{{sinceISO}}">{{since}}</time>{{#kept}}, kept signed in{{/kept}}. Ends <time datetime="{{endsISO}}">{{ends}}</time> at the latest.</p></div><div class="actions"><details class="confirm"><summary class="button small">End<span class="visually-hidden"> {{browser}}</span></summary><form class="sure" action="/auth/account/sessions/{{id}}/end" method="post"><input type="hidden" name="form_token" value="{{formToken}}"><p>{{browser}} is signed out.</p><button class="button danger solid">End this session</button></form></details></div></li>{{/others}}
        </ul></section>{{/hasOthers}}
        {{^hasOthers}}<section class="card" aria-labelledby="none"><div class="empty"><h2 id="none">Nowhere else</h2><p>Other browsers and programs stand here once you sign in with them.</p></div></section>{{/hasOthers}}
        </div>
        """)
}
