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

    let store: any Store
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
            case .accepted: return await counted(name, number.country, now: now)
            case .permanent, .optedOut: return .dropped
            case .temporary(let reason, let mayBeBilled):
                last = reason
                // It may have arrived, and twice is worse than perhaps not at all: the mail says the same.
                if mayBeBilled { return .done }
            case .refused(let reason): last = reason
            }
        }
        return .failed(last)
    }

    /// What it cost counts towards the day's money; it is never kept back for it.
    private func counted(_ provider: String, _ country: String, now: Timestamp) async -> JobOutcome {
        let cost = rules.settings.providers[provider]?.cost(to: country) ?? 0
        _ = try? await store.write { (transaction) throws(StoreError) in
            try transaction.countSend(day: now.day, country: "", cost: cost, mostNumber: .max, mostSpent: .max)
        }
        return .done
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
