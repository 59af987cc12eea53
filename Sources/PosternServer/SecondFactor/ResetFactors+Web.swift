import Hummingbird
import Storage

/// What administrators do for somebody who lost their second factor.
struct ResetFactorsWeb: Room {
    let reset: ResetFactors

    var routes: [Route] { [act("reset-factors", .removeAll), act("lift-code-stop", .liftStop)] }

    private func act(_ name: String, _ act: ResetFactors.Act) -> Route {
        .page(.post, "/auth/admin/people/{id}/\(name)", .administrator) { _, visit in
            guard let id = Account.ID(visit.parameterID) else { throw Refused(.notFound) }
            switch try await reset.perform(act, on: id, by: .session(try visit.signedIn(), visit.client), now: visit.now) {
            case .done, .unchanged: return .seeOther("/auth/admin/people/\(id)")
            case .noSuchAccount: throw Refused(.notFound)
            case .notAllowed: throw Refused(.notAllowed)
            case .stepUpNeeded: return .seeOther("/auth/account/step-up?return_to=\(percentEncoded("/auth/admin/people/\(id)"))")
            }
        }
    }
}
