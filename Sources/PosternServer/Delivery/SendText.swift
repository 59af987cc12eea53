import Foundation
import PhoneNumbers
import Secrets
import Storage

/// Brings a notice by text message, as a job: it may come later, and is tried again.
struct SendText: Sendable {
    /// What the job carries, sealed.
    struct Payload: Codable, Sendable {
        /// E.164.
        let to: String
        let text: String

        // A struct of texts always encodes.
        var bytes: [UInt8] { Array((try? JSONEncoder().encode(self)) ?? Data()) }
    }

    let rules: DeliveryRules
    let place: MessagePlace
    let random: Randomness

    func perform(_ id: Job.ID, _ payload: Secret<[UInt8]>, now: Timestamp) async -> JobOutcome {
        guard let text = try? JSONDecoder().decode(Payload.self, from: Data(payload.exposed)), let number = try? PhoneNumber(text.to) else {
            return .failed("its payload is no text message")
        }
        guard number.deliveryChannels.contains(.sms),
            let plan = rules.plan(.sms, to: number.country, tried: [], now: now, random: random)
        else { return .dropped }
        var last = "no provider"
        for name in plan.providers {
            guard let provider = rules.inForce.providers[name], rules.admits(name, .sms, now: now) else { continue }
            let message = OutgoingMessage(
                id: id.description, channel: .sms, to: Secret(number.e164), content: .notice(text.text), siteName: place.siteName,
                host: place.host, receiptURL: "")
            let outcome = await provider.send(message)
            if case .temporary = outcome {
                _ = rules.note(failed: true, name, .sms, now: now)
            } else {
                _ = rules.note(failed: false, name, .sms, now: now)
            }
            switch outcome {
            case .accepted: return .done
            case .permanent, .optedOut: return .dropped
            case .temporary(let reason, let mayBeBilled):
                last = reason
                // It may have arrived: whether it is sent again is for later.
                if mayBeBilled { return .failed(reason) }
            }
        }
        return .failed(last)
    }
}

extension Notices {
    /// A notice by text message. Never a secret.
    func makeText(_ kind: Notice.Kind, to number: String, masked: String, words: String, now: Timestamp) -> Notice {
        Notice(
            kind: kind, channel: .sms, target: masked, subject: words,
            job: Job(.sendText, payload: SendText.Payload(to: number, text: words).bytes, keys: keys.current, now: now, random: random))
    }
}
