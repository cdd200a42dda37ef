//! One conversation with the mail server.

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls as Protection, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::settings::{MailSettings, Tls};
use super::smime;
use crate::clock;
use crate::store::outbox::Sent;
use crate::words::one_line;

/// Characters of a subject, whatever the names of a city hold.
const SUBJECT_MAX: usize = 180;

/// Characters of what a server said.
const ANSWER_MAX: usize = 600;

/// A way to the mail server.
pub struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    settings: MailSettings,
    patience: Duration,
}

/// What goes into an envelope.
pub struct Sheet<'a> {
    /// Without angle brackets.
    pub message_id: &'a str,
    /// Mail address.
    pub to: &'a str,
    /// Subject line.
    pub subject: &'a str,
    /// Plain text.
    pub plain: &'a str,
    /// HTML.
    pub html: &'a str,
    /// When it was written.
    pub at: SystemTime,
    /// Whose certificate it is encrypted for; null: it is not.
    pub certificate: Option<&'a smime::Certificate>,
    /// What mail programs gather the letters of one week and reader under.
    pub thread: Option<String>,
    /// Where whoever wants fewer letters writes: what follows `mailto:`.
    pub unsubscribe: Option<String>,
    /// What goes with it.
    pub enclosure: Option<Enclosure>,
}

/// A file that goes with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enclosure {
    /// Its name.
    pub name: String,
    /// A workbook, mostly under a password.
    pub bytes: Vec<u8>,
}

/// What a workbook under a password, and one in clear, are called.
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

impl Post {
    /// Reads secrets and certificates; says what is wrong with them. Nothing is connected yet.
    pub fn new(settings: &MailSettings) -> Result<Post, String> {
        let file = &settings.file;
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&file.host)
            .port(settings.port)
            .timeout(Some(Duration::from_secs(file.timeout_seconds)));
        if file.tls != Tls::None {
            let mut protection = TlsParameters::builder(file.host.clone());
            if let Some(ca) = &file.ca {
                let path = settings.root.join(ca);
                let pem =
                    std::fs::read(&path).map_err(|err| format!("the certificate authority {} cannot be read: {err}", path.display()))?;
                let ca = Certificate::from_pem(&pem).map_err(|err| format!("{} holds no certificate: {err}", path.display()))?;
                protection = protection.certificate_store(CertificateStore::None).add_root_certificate(ca);
            }
            let protection = protection.build().map_err(|err| format!("the connection cannot be protected: {err}"))?;
            let required = |it| if file.tls == Tls::Tls { Protection::Wrapper(it) } else { Protection::Required(it) };
            transport = transport.tls(required(protection));
        }
        if let (Some(user), Some(password)) = (&file.user, &file.password) {
            transport = transport.credentials(Credentials::new(user.clone(), password.fetch(&settings.root)?.reveal().to_owned()));
        }
        // A conversation has some ten steps; a server that answers each at its last second must not hold the others up for ever.
        let patience = Duration::from_secs(file.timeout_seconds.saturating_mul(4));
        Ok(Post { transport: transport.build(), settings: settings.clone(), patience })
    }

    /// Sends one letter.
    pub async fn send(&self, sheet: &Sheet<'_>) -> Sent {
        let message = match self.message(sheet) {
            Ok(it) => it,
            Err(sent) => return sent,
        };
        match tokio::time::timeout(self.patience, self.transport.send(message)).await {
            Err(_) => Sent::Later(format!("no answer within {} s", self.patience.as_secs())),
            Ok(Ok(answer)) => Sent::Taken(format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "))),
            Ok(Err(err)) if login_is_refused(&err) => Sent::Shut(self.shut(&told(&err))),
            Ok(Err(err)) if err.is_permanent() => Sent::Refused(told(&err)),
            Ok(Err(err)) => Sent::Later(told(&err)),
        }
    }

    /// What to do where the server does not let us in.
    fn shut(&self, said: &str) -> String {
        let place = format!("{}:{}", self.settings.file.host, self.settings.port);
        let [zh, en] = if self.settings.file.user.is_some() {
            [
                "不接受 [mail] 的 user 与 password：改正后 muster mail retry",
                "does not accept `user` and `password` of [mail]: mend them, then muster mail retry",
            ]
        } else {
            [
                "要求登录：在 [mail] 设 user 与 password，再 muster mail retry",
                "asks for a login: set `user` and `password` in [mail], then muster mail retry",
            ]
        };
        format!("邮件服务器 {place} {zh} (the mail server {place} {en}): {said}")
    }

    /// Nothing of it can become a header of its own: every part is encoded or checked by its type.
    fn message(&self, sheet: &Sheet) -> Result<Message, Sent> {
        let to: Address = sheet.to.parse().map_err(|err| Sent::Refused(format!("this is no mail address: {err}")))?;
        let subject = if sheet.certificate.is_some() { smime::outside(sheet.subject) } else { sheet.subject.to_owned() };
        let header = |name: &'static str, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut message = Message::builder()
            .from(self.settings.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(one_line(&subject, SUBJECT_MAX))
            .message_id(Some(format!("<{}>", sheet.message_id)))
            .date(sheet.at)
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        if let Some(reply_to) = &self.settings.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        if let Some(return_path) = &self.settings.return_path {
            let envelope = Envelope::new(Some(return_path.clone()), vec![to]).map_err(|err| Sent::Refused(err.to_string()))?;
            message = message.envelope(envelope);
        }
        if let Some(thread) = &sheet.thread {
            message = message.references(format!("<{thread}>"));
        }
        if let Some(unsubscribe) = &sheet.unsubscribe {
            message = message.raw_header(header("List-Unsubscribe", &format!("<mailto:{}>", one_line(unsubscribe, usize::MAX))));
        }
        let mut body = MultiPart::alternative_plain_html(sheet.plain.to_owned(), sheet.html.to_owned());
        if let Some(it) = &sheet.enclosure {
            let kind = ContentType::parse(WORKBOOK).map_err(|err| Sent::Refused(err.to_string()))?;
            // lettre encodes the name after RFC 2231.
            body = MultiPart::mixed().multipart(body).singlepart(Attachment::new(it.name.clone()).body(it.bytes.clone(), kind));
        }
        match sheet.certificate {
            // What cannot be encrypted waits: it never goes in clear.
            Some(it) => it.holds(clock::instant()).and_then(|()| it.enclose(message, &body)).map_err(Sent::Later),
            None => message.multipart(body).map_err(|err| Sent::Refused(err.to_string())),
        }
    }
}

/// RFC 4954: the login is wrong, too weak or missing. Every further letter would be refused alike, and some servers lock an account that
/// fails too often.
fn login_is_refused(err: &lettre::transport::smtp::Error) -> bool {
    err.status().is_some_and(|it| matches!(u16::from(it), 530 | 534 | 535 | 538))
}

/// The whole chain of causes: the outermost says little.
fn told(err: &lettre::transport::smtp::Error) -> String {
    let mut told = err.to_string();
    let mut cause = std::error::Error::source(err);
    while let Some(it) = cause {
        let more = it.to_string();
        if !told.contains(&more) {
            told.push_str(": ");
            told.push_str(&more);
        }
        cause = it.source();
    }
    one_line(&told, ANSWER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::MailFile;

    fn post() -> Post {
        let file: MailFile = toml::from_str("host = '127.0.0.1'\ntls = 'none'\nfrom = '编制核对 <muster@city.example>'").expect("TOML");
        Post::new(&file.check(std::path::Path::new(".")).expect("good settings")).expect("nothing to read")
    }

    fn sheet<'a>(to: &'a str, subject: &'a str) -> Sheet<'a> {
        let (plain, html) = ("text\r\nBcc: all@evil.example", "<p>text</p>");
        Sheet {
            message_id: "a.b@city.example",
            to,
            subject,
            plain,
            html,
            at: SystemTime::UNIX_EPOCH,
            certificate: None,
            thread: None,
            unsubscribe: Some(hostile()),
            enclosure: None,
        }
    }

    fn hostile() -> String {
        "ops@city.example?subject=x>\r\nBcc: all@evil.example".to_owned()
    }

    #[test]
    fn a_file_keeps_its_name() {
        let enclosure = Enclosure { name: "编制核对_2026-11-16.xlsx".to_owned(), bytes: vec![0xD0, 0xCF, 0x11, 0xE0] };
        let sheet = Sheet { enclosure: Some(enclosure), ..sheet("desk@city.example", "s") };
        let text = String::from_utf8(post().message(&sheet).expect("a message").formatted()).expect("seven bits");
        let name: String = "编制核对_2026-11-16"
            .bytes()
            .map(|it| if it.is_ascii_alphanumeric() || b"-_".contains(&it) { char::from(it).to_string() } else { format!("%{it:02X}") })
            .collect();
        let told = text.replace("\r\n ", "");
        assert!(
            told.contains("filename*0*=utf-8''") && told.replace(";filename*1*=", "").replace("; filename*1*=", "").contains(&name),
            "{text}"
        );
        assert!(text.contains("multipart/mixed") && text.contains("0M8R4A=="));
    }

    #[test]
    fn no_header_can_be_smuggled_in() {
        let post = post();
        for hostile in
            ["新增 3\r\nBcc: all@evil.example", "a\nX-Evil: 1", "b\r\n\r\nbody", "c\u{0}\u{85}\u{2028}Bcc: d", &"长".repeat(4000)]
        {
            let message = post.message(&sheet("desk@city.example", hostile)).expect("a message");
            let text = String::from_utf8(message.formatted()).expect("seven bits");
            let head = text.split("\r\n\r\n").next().expect("a head");
            let names: Vec<&str> =
                head.split("\r\n").filter(|it| !it.starts_with([' ', '\t'])).filter_map(|it| it.split(':').next()).collect();
            assert_eq!(
                names,
                [
                    "From",
                    "To",
                    "Subject",
                    "Message-ID",
                    "Date",
                    "Auto-Submitted",
                    "X-Auto-Response-Suppress",
                    "List-Unsubscribe",
                    "MIME-Version",
                    "Content-Type"
                ],
                "{head}"
            );
            assert_eq!(message.envelope().to().len(), 1);
            assert!(head.split("\r\n").all(|it| it.len() <= 998), "no line of a head is longer than RFC 5322 allows");
        }
        for address in ["desk@city.example>\r\nRCPT TO:<all@evil.example", "a b@c", "desk@city.example, all@evil.example", ""] {
            assert!(post.message(&sheet(address, "s")).is_err(), "{address}");
        }
    }
}
