import CCurl
import Foundation
import Secrets

/// Sends mail to one SMTP server over TLS or STARTTLS, the certificate checked (libcurl).
struct SMTPSender: Sendable {
    let settings: Settings.SMTP
    let from: String
    let siteName: String

    /// One whole delivery, connection included.
    private static let longestSeconds = 20

    /// - Returns: nil when the server took it, else why not: words of curl, never of the mail.
    func send(_ mail: Mail, now: Date, id: String) async -> String? {
        let message = Array(rfc5322(mail, now: now, id: id).utf8)
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: transfer(message, to: mail.to)) }
        }
    }

    /// RFC 5322 and MIME (RFC 2046 §5.1.4): text and HTML, both base64, so that no line can be too long or end the mail.
    func rfc5322(_ mail: Mail, now: Date, id: String) -> String {
        let boundary = "postern-\(id)"
        let parts = [("text/plain", mail.text), ("text/html", mail.html)].map { type, content in
            "--\(boundary)\r\nContent-Type: \(type); charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                + Data(content.utf8).base64EncodedString(options: [
                    .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
                ])
                + "\r\n"
        }
        let date = DateFormatter()
        date.locale = Locale(identifier: "en_US_POSIX")
        date.timeZone = TimeZone(secondsFromGMT: 0)
        date.dateFormat = "EEE, dd MMM yyyy HH:mm:ss Z"
        let headers = [
            "From: \(encodedWord(siteName)) <\(from)>", "To: <\(mail.to)>", "Subject: \(encodedWord(mail.subject))",
            "Date: \(date.string(from: now))", "Message-ID: <\(id)@\(from.split(separator: "@").last ?? "localhost")>", "MIME-Version: 1.0",
            "Auto-Submitted: auto-generated", "Content-Type: multipart/alternative; boundary=\"\(boundary)\"",
        ]
        return headers.joined(separator: "\r\n") + "\r\n\r\n" + parts.joined() + "--\(boundary)--\r\n"
    }

    /// RFC 2047 §2: no name or subject can add a header, whatever it holds.
    private func encodedWord(_ text: String) -> String {
        var words: [String] = []
        var chunk = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            // 45 bytes of UTF-8 keep an encoded word under 75 characters.
            if String(chunk).utf8.count + UTF8.width(scalar) > 45 {
                words.append(String(chunk))
                chunk = .init()
            }
            chunk.append(scalar)
        }
        return (words + [String(chunk)]).map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }.joined(separator: "\r\n ")
    }

    private func transfer(_ message: [UInt8], to recipient: String) -> String? {
        guard let handle = curl_easy_init() else { return "curl could not start" }
        defer { curl_easy_cleanup(handle) }
        let recipients = curl_slist_append(nil, "<\(recipient)>")
        defer { curl_slist_free_all(recipients) }
        let upload = Upload(message)
        let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        words.pointee = 0
        defer { words.deallocate() }
        let code = withExtendedLifetime(upload) {
            _ = postern_curl_set_string(handle, CURLOPT_URL, settings.url)
            // Without it a server that "forgets" STARTTLS would get the mail in the clear.
            _ = postern_curl_set_long(handle, CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue))
            _ = postern_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
            _ = postern_curl_set_long(handle, CURLOPT_TIMEOUT, Self.longestSeconds)
            // After the mail is taken only this one holds, while the server is told QUIT: without it a silent one costs two minutes.
            _ = postern_curl_set_long(handle, CURLOPT_SERVER_RESPONSE_TIMEOUT, Self.longestSeconds)
            _ = postern_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, words)
            _ = postern_curl_set_string(handle, CURLOPT_MAIL_FROM, "<\(from)>")
            _ = postern_curl_set_pointer(handle, CURLOPT_MAIL_RCPT, recipients)
            if let caFile = settings.caFile { _ = postern_curl_set_string(handle, CURLOPT_CAINFO, caFile) }
            if let password = settings.password { _ = postern_curl_set_string(handle, CURLOPT_PASSWORD, password.exposed) }
            _ = postern_curl_set_transfer(handle, CURLOPT_READFUNCTION) { buffer, size, count, context in
                guard let buffer, let context else { return 0 }
                return Unmanaged<Upload>.fromOpaque(context).takeUnretainedValue().read(into: buffer, most: size * count)
            }
            _ = postern_curl_set_pointer(handle, CURLOPT_READDATA, Unmanaged.passUnretained(upload).toOpaque())
            _ = postern_curl_set_long(handle, CURLOPT_UPLOAD, 1)
            return curl_easy_perform(handle)
        }
        guard code != CURLE_OK else { return nil }
        // Such as "RCPT failed: 550".
        return words.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: words)
    }

    private final class Upload {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        func read(into buffer: UnsafeMutablePointer<CChar>, most: Int) -> Int {
            let piece = rest.prefix(most)
            for (index, byte) in piece.enumerated() { buffer[index] = CChar(bitPattern: byte) }
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
    }
}
