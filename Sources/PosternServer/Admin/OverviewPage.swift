/// The administration at a glance: what is, beside what it should be compared with.
struct OverviewPage {
    struct Figures: Sendable {
        let accounts: [Account.State: Int64]
        let sessions: Int64
        let groups: Int64
        let signInsToday: Int64
        let refusedToday: Int64
        let jobsReady: Int64
        let jobsDead: Int64
    }

    let figures: Figures
    let reader: Pages.Reader

    func html(_ pages: Pages) -> String {
        pages.admin(
            Self.template, title: "Overview", at: .overview, for: reader,
            [
                "active": figures.accounts[.active] ?? 0, "unconfirmed": figures.accounts[.unconfirmed] ?? 0,
                "disabled": figures.accounts[.disabled] ?? 0, "sessions": figures.sessions, "groups": figures.groups,
                "signIns": figures.signInsToday, "refused": figures.refusedToday, "ready": figures.jobsReady, "dead": figures.jobsDead,
                "hasDead": figures.jobsDead > 0,
            ])
    }

    private static let template = Pages.template(
        """
        <div class="page-head"><div><h1>Overview</h1><p>The last 24 hours, and how things stand.</p></div></div>
        <div class="stack">
        {{#hasDead}}<div class="notice warn"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2.2 14.3 13.3H1.7ZM8 6.5v3.2M8 11.6v.05"/></svg><div><h2>{{dead}} messages could not be sent</h2><p>Each was tried 12 times. The log says why; check <code>mail.smtp</code>.</p></div></div>{{/hasDead}}
        <section class="card" aria-labelledby="figures"><header><div><h2 id="figures">People and sign-ins</h2></div><a class="button" href="/auth/admin/people">Find a person</a></header><div class="body"><dl class="figures">
        <div><dt>Open accounts</dt><dd>{{active}}<small>{{unconfirmed}} wait for confirmation, {{disabled}} closed</small></dd></div>
        <div><dt>Sessions now</dt><dd>{{sessions}}<small>{{groups}} groups</small></dd></div>
        <div><dt>Sign-ins today</dt><dd>{{signIns}}<small>{{refused}} refused</small></dd></div>
        <div><dt>Mail waiting</dt><dd>{{ready}}<small>{{dead}} given up</small></dd></div></dl></div></section>
        </div>
        """)
}
