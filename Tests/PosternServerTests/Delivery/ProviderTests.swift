import Foundation
import Secrets
import Storage
import Support
import Testing

@testable import PosternServer

@Suite struct ProviderTests {
    private static let id = Delivery.ID(now: .now(), random: Randomness.system.bytes(10))

    private func call(_ body: String, query: [String: String] = [:], url: String = "", _ headers: [String: String] = [:]) -> ReceiptCall {
        ReceiptCall(method: "POST", url: url, query: query, headers: { headers[$0] }, body: Array(body.utf8))
    }

    @Test("Twilio's own example of a signature (twilio-python, test_request_validator.py)")
    func twilioSignature() {
        let fields = [
            "CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212", "Caller": "+14158675309",
        ]
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2"
        let signature = TwilioProvider.signature(url: url, fields, token: Secret("12345"))
        #expect(Data(signature).base64EncodedString() == "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    }

    @Test("OB-08: what Twilio tells is believed with its signature alone, over URL and every field")
    func twilioReceipt() {
        let provider = TwilioProvider(caller: HTTPCaller(), url: "", account: "AC1", token: Secret("12345"), from: "")
        let url = "https://auth.example.org/auth/delivery/receipts/south?delivery=\(Self.id)&token=x"
        let fields = ["MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"]
        let body = String(decoding: FormFields.encoded(fields.map { ($0.key, $0.value) }), as: UTF8.self)
        let good = Data(TwilioProvider.signature(url: url, fields, token: Secret("12345"))).base64EncodedString()
        let query = ["delivery": Self.id.description]
        #expect(
            provider.receipt(call(body, query: query, url: url, ["x-twilio-signature": good]))
                == [Receipt(delivery: Self.id, reference: "SM1", verdict: .failed("twilio-30003", isFinal: false))])
        for (changed, at, signature) in [
            (body.replacing("undelivered", with: "delivered"), url, good), (body, url + "1", good), (body, url, ""), (body, url, "AAAA"),
            (body + "&x=1", url, good),
        ] {
            #expect(provider.receipt(call(changed, query: query, url: at, ["x-twilio-signature": signature])) == nil)
        }
        #expect(provider.receipt(call(body, query: query, url: url)) == nil)
        #expect(TwilioProvider.refusal(21610) == .optedOut && TwilioProvider.refusal(21211) == .permanent("twilio-21211"))
        #expect(TwilioProvider.refusal(30001) == .temporary("twilio-30001", mayBeBilled: false))
    }

    @Test("a call says the digits one by one, twice, and the site's name can't break out of it")
    func twiml() {
        let message = OutgoingMessage(
            id: "1", channel: .voice, to: Secret("+351912345678"), content: .code(Secret("012345")), siteName: "A<B & Co", host: "h",
            receiptURL: "")
        let text = TwilioProvider.twiml(message)
        #expect(text.contains("A&lt;B &amp; Co") && !text.contains("A<B"))
        #expect(text.components(separatedBy: "<Say>0</Say>").count == 3)
    }

    @Test("the text ends with the line that lets a browser fill the code in")
    func text() {
        let message = OutgoingMessage(
            id: "1", channel: .sms, to: Secret("+1"), content: .code(Secret("012345")), siteName: "Shop", host: "auth.example.org",
            receiptURL: "")
        #expect(message.text.hasSuffix("\n\n@auth.example.org #012345"))
        #expect(message.text.utf8.count <= 160)
    }

    @Test("Vonage's token: HS256 over the hash of this body, fresh, and by nobody else")
    func vonage() throws {
        let now = Timestamp(secondsSinceEpoch: 1_800_000_000)
        let secret = Secret("a secret of thirty-two bytes or more")
        let provider = VonageProvider(
            caller: HTTPCaller(), url: "", account: "key", secret: Secret("s"), signatureSecret: secret, from: "", clock: { now })
        let body = #"{"message_uuid":"u1","status":"delivered","client_ref":"\#(Self.id)"}"#
        func token(
            _ algorithm: String = "HS256", over text: String, at time: Int64 = 1_800_000_000, with key: String = secret.exposed
        ) -> String {
            SignedToken.make(algorithm, payload: text, at: time, key: key)
        }
        func receipt(_ token: String, _ text: String = body) -> [Receipt]? {
            provider.receipt(call(text, ["authorization": "Bearer \(token)"]))
        }
        #expect(receipt(token(over: body)) == [Receipt(delivery: Self.id, reference: "u1", verdict: .delivered)])
        #expect(receipt(token(over: body), body.replacing("delivered", with: "rejected")) == nil, "another body")
        #expect(receipt(token(over: body, at: 1_800_000_000 - 301)) == nil, "replayed later")
        #expect(receipt(token(over: body, with: "another")) == nil)
        #expect(receipt(token("none", over: body)) == nil)
        #expect(receipt("a.b") == nil && receipt("..") == nil && receipt("") == nil)
        #expect(provider.receipt(call(body)) == nil)
    }

    @Test("a template is filled once, each place in its own way")
    func template() throws {
        let values = ["to": "+351912345678", "text": "a \"quote\", {secret}\nand \\", "secret": "S&S"]
        let json = TemplateProvider.filled(#"{"to":"{to}","text":"{text}","x":"{unknown}"}"#, values, escaping: TemplateProvider.jsonText)
        guard case .object(let object) = try JSONValue(parsing: Array(json.utf8)) else {
            return #expect(Bool(false), "it is JSON: \(json)")
        }
        #expect(object["text"] == .string("a \"quote\", {secret}\nand \\") && object["x"] == .string("{unknown}"))
        #expect(TemplateProvider.filled("a={secret}&b={", values, escaping: percentEncoded) == "a=S%26S&b={")
        let document = try JSONValue(parsing: Array(#"{"a":[{"id":7},{"id":"x"}],"b":null}"#.utf8))
        #expect(document.text(at: "a.0.id") == "7" && document.text(at: "a.1.id") == "x")
        #expect(
            document.text(at: "a.2.id") == nil && document.text(at: "b") == nil && document.text(at: "") == nil
                && document.text(at: "a.-1") == nil)
    }

    @Test("codes are six digits, as likely as each other, read however they are typed")
    func codes() {
        var first = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 {
            let digits = SentCode(random: Randomness.system.bytes(8)).digits.exposed
            #expect(digits.utf8.count == 6)
            if let digit = digits.utf8.first { first[Int(digit) - 48] += 1 }
        }
        #expect(first.allSatisfy { (850...1_150).contains($0) }, "\(first)")
        for text in ["012345", " 012 345", "012-345"] { #expect(SentCode(typed: text)?.digits.exposed == "012345", "\(text)") }
        for text in ["", "12345", "1234567", "12345a", "０１２３４５", String(repeating: " ", count: 30) + "012345"] {
            #expect(SentCode(typed: text) == nil, "\(text)")
        }
    }
}
