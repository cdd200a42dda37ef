//! Letters that came back: reads the mailbox folder where reports of mail servers arrive.
//!
//! A report is a delivery status notification of RFC 3464. Nothing else is believed: texts of servers for people are in every language, and
//! anybody can write one. What is no report is counted and left; nothing is deleted: what was read goes from `new/` to `cur/`, as in every
//! Maildir. What is kept of a report is the letter, whether it was given up or is late, and the status code ([`crate::store::bounces`]).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, TimeDelta};
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::reader::addresses;
use super::settings::MailSettings;
use crate::clock;
use crate::config::City;
use crate::mail::{self, Letter};
use crate::run::Stop;
use crate::store::bounces::{Bounced, Kept};
use crate::store::{Store, StoreError};
use crate::words::{Lang, hex};

/// Of a message no more than this is read: what a report says stands before the letter that it returns.
const READ_BYTES_MAX: u64 = 1 << 20;

/// A message of more parts is no report of one letter, and parts within parts would be taken apart one inside the other.
const PARTS_MAX: usize = 100;

/// Messages that are read at once; the others are read the next time.
const MESSAGES_MAX: usize = 5_000;

/// What came back within these days is still told by `muster status` and `muster doctor`.
const TOLD_DAYS: i64 = 14;

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It was given up.
    Failed,
    /// It is late, and tried further.
    Delayed,
}

impl Action {
    /// The word in the store, which is RFC 3464's.
    pub fn word(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
        }
    }
}

/// What a mail server reports of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// SHA-256 of the message as it came.
    pub digest: String,
    /// Message-IDs that it names, without angle brackets; the returned letter's first.
    pub message_ids: Vec<String>,
    /// Addresses that it is about.
    pub recipients: Vec<String>,
    /// What became of the letter.
    pub action: Action,
    /// RFC 3463, like `5.1.1`.
    pub status: String,
}

/// What came of reading the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Reports that were new.
    pub new: u64,
    /// Reports that were read before, because their message could not be moved.
    pub known: u64,
    /// Reports about letters that are not ours.
    pub foreign: u64,
    /// Messages that are no report of a letter given up or late.
    pub other: u64,
    /// Messages that could not be read or moved.
    pub unread: u64,
    /// Whether messages are left for the next time.
    pub more: bool,
    /// The last thing that went wrong; says nothing of what a message holds.
    pub trouble: Option<String>,
}

impl Found {
    fn unread(&mut self, message: &Path, why: &io::Error) {
        self.unread += 1;
        self.trouble = Some(format!("{}: {why}", message.display()));
    }
}

/// Whether the folder can be read, and what was read be moved.
pub fn is_maildir(maildir: &Path) -> io::Result<()> {
    waiting(maildir)?;
    fs::read_dir(maildir.join("cur")).map(|_| ())
}

/// Reads what is new in the folder; the store has every report before its message is moved.
pub async fn read(store: &Store, maildir: &Path, night: NaiveDate) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let mut messages = match waiting(maildir) {
        Ok(it) => it,
        Err(why) => return Ok(Found { trouble: Some(format!("{}: {why}", maildir.display())), ..found }),
    };
    found.more = messages.len() > MESSAGES_MAX;
    messages.truncate(MESSAGES_MAX);
    for message in &messages {
        let bytes = match opened(message) {
            Ok(it) => it,
            Err(why) => {
                found.unread(message, &why);
                continue;
            }
        };
        match report(&bytes) {
            None => found.other += 1,
            Some(it) => match store.keep_bounce(night, &clock::now(), &it).await? {
                Kept::New => found.new += 1,
                Kept::Known => found.known += 1,
                Kept::Foreign => found.foreign += 1,
            },
        }
        if let Err(why) = seen(maildir, message) {
            found.unread(message, &why);
        }
    }
    Ok(found)
}

/// The messages in `new/`, by name: Maildir names begin with the second of their arrival.
fn waiting(maildir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut messages = fs::read_dir(maildir.join("new"))?.map(|it| it.map(|it| it.path())).collect::<io::Result<Vec<_>>>()?;
    messages.retain(|it| !it.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b".")));
    messages.sort();
    Ok(messages)
}

/// The message, or its beginning. What is no file is not opened: a pipe would hold us up for ever.
fn opened(message: &Path) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(message)?.is_file() {
        return Err(io::Error::other("this is no file"));
    }
    let mut bytes = Vec::new();
    File::open(message)?.take(READ_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Moves a message to `cur/`, marked as seen; never over another one.
fn seen(maildir: &Path, message: &Path) -> io::Result<()> {
    let mut name = OsString::from(message.file_name().unwrap_or_default());
    if !name.as_encoded_bytes().contains(&b':') {
        name.push(":2,S");
    }
    let to = maildir.join("cur").join(name);
    if fs::symlink_metadata(&to).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a message of this name is in cur/ already"));
    }
    fs::rename(message, to)
}

/// What a message reports of a letter; null when it reports nothing, or nothing bad.
pub fn report(bytes: &[u8]) -> Option<Report> {
    if times(bytes, b"content-type") > PARTS_MAX {
        return None;
    }
    let message = MessageParser::default().parse(bytes)?;
    let status = message.parts.iter().find(|it| is(it, "message", &["delivery-status", "global-delivery-status"]))?;
    // The first group of fields is about the report, each further one about a recipient.
    let groups = fields(&String::from_utf8_lossy(status.contents()));
    let (action, recipient) = groups.iter().filter_map(|it| Some((action(value(it, "action")?)?, it))).min_by_key(|it| it.0)?;
    let mut message_ids: Vec<String> = message.parts.iter().filter_map(returned).collect();
    // Exchange answers the letter, and may return nothing of it.
    for header in [message.in_reply_to(), message.references()] {
        message_ids.extend(header.as_text_list().into_iter().flatten().map(|it| it.to_string()));
    }
    let addresses = ["original-recipient", "final-recipient"].into_iter().filter_map(|it| value(recipient, it));
    let recipients = addresses.filter_map(|it| Some(it.split_once(';')?.1.trim().trim_matches(['<', '>']).to_owned())).collect();
    let mut codes = ["status", "diagnostic-code"].into_iter().filter_map(|it| value(recipient, it));
    let status = codes.find_map(status_code);
    let status = status.unwrap_or_else(|| if action == Action::Failed { "5.0.0" } else { "4.0.0" }.to_owned());
    Some(Report { digest: hex(&Sha256::digest(bytes)), message_ids, recipients, action, status })
}

/// How often a word stands in a text, in capitals or not.
fn times(text: &[u8], word: &[u8]) -> usize {
    text.windows(word.len()).filter(|it| it.eq_ignore_ascii_case(word)).count()
}

fn is(part: &MessagePart, kind: &str, subkinds: &[&str]) -> bool {
    part.content_type().is_some_and(|it| {
        it.c_type.eq_ignore_ascii_case(kind)
            && it.c_subtype.as_deref().is_some_and(|it| subkinds.iter().any(|one| one.eq_ignore_ascii_case(it)))
    })
}

/// The Message-ID of the letter that a part returns, whole or its head alone.
fn returned(part: &MessagePart) -> Option<String> {
    let id = |it: &Message| it.message_id().map(str::to_owned);
    match part.message() {
        Some(letter) => id(letter),
        None if is(part, "text", &["rfc822-headers"]) || is(part, "message", &["rfc822-headers", "global-headers"]) => {
            MessageParser::default().parse_headers(part.contents()).as_ref().and_then(id)
        }
        None => None,
    }
}

/// Groups of fields, each a name and its value on one line; a line that begins with a blank goes on with the one before.
fn fields(text: &str) -> Vec<Vec<(String, String)>> {
    let mut groups = vec![Vec::<(String, String)>::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            groups.push(Vec::new());
        } else if let Some(group) = groups.last_mut() {
            match (line.starts_with([' ', '\t']), group.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (false, _, Some((name, value))) => group.push((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
                _ => {}
            }
        }
    }
    groups
}

fn value<'a>(group: &'a [(String, String)], name: &str) -> Option<&'a str> {
    group.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
}

/// `delivered`, `relayed` and `expanded` are no trouble.
fn action(word: &str) -> Option<Action> {
    match word.split_whitespace().next()?.to_ascii_lowercase().as_str() {
        "failed" => Some(Action::Failed),
        "delayed" => Some(Action::Delayed),
        _ => None,
    }
}

/// The first code of RFC 3463 in a text: a class of 4 or 5, a subject and a detail.
fn status_code(text: &str) -> Option<String> {
    let numbers = |it: &str| {
        let parts: Vec<&str> = it.split('.').collect();
        let number = |it: &&str| (1..=3).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
        parts.len() == 3 && matches!(parts[0], "4" | "5") && parts.iter().all(number)
    };
    text.split(|it: char| !it.is_ascii_digit() && it != '.').map(|it| it.trim_matches('.')).find(|it| numbers(it)).map(str::to_owned)
}

/// What a status code comes to, and what to do.
fn meaning(status: &str, lang: Lang) -> &'static str {
    let (class, rest) = status.split_once('.').unwrap_or_default();
    let (zh, en) = match (class, rest) {
        (_, "1.1" | "1.10" | "1.3" | "1.6" | "4.1") if class == "5" => (
            "信箱不存在：改正 people.toml、部门文件或 [mail] 中的地址",
            "no such mailbox: mend the address in people.toml, the department or [mail]",
        ),
        ("5", "1.2" | "4.4") => ("域名不存在或不收信：改正地址", "the domain is not there or takes no mail: mend the address"),
        (_, "2.2") => ("信箱已满：请收件人清理", "the mailbox is full: ask its owner to make room"),
        (_, "2.1") => ("信箱已停用：改正地址", "the mailbox is disabled: mend the address"),
        (_, "2.3" | "3.4") => ("信过大", "the letter is too large"),
        (_, it) if it.starts_with("7.") => {
            ("被对方安全策略拒收：请邮件管理员放行发件人", "refused by policy: ask the mail administrators to let the sender through")
        }
        (_, it) if it.starts_with("4.") => ("对方服务器连不上或超时", "their server could not be reached in time"),
        ("4", _) => ("对方暂时不收", "they do not take it for now"),
        _ => ("对方拒收：请问邮件管理员", "they refuse it: ask the mail administrators"),
    };
    lang.pick(zh, en)
}

/// One letter that came back, in a line without its address.
pub fn line(it: &Bounced, lang: Lang) -> String {
    let Bounced { letter, night, kind, reader, status, .. } = it;
    let what = if it.action == "failed" { lang.pick("退回", "came back") } else { lang.pick("延迟", "is late") };
    let guessed = match (it.matched_by.as_str(), lang) {
        ("recipient", Lang::Zh) => "（报告未注明哪一封，按收件地址认定）",
        ("recipient", Lang::En) => " (the report does not say which letter; the newest to that address)",
        _ => "",
    };
    match lang {
        Lang::Zh => format!("第 {letter} 封（{night} {kind} → {reader}）{what} {status}：{}{guessed}", meaning(status, lang)),
        Lang::En => format!("letter {letter} ({night} {kind} → {reader}) {what}, {status}: {}{guessed}", meaning(status, lang)),
    }
}

/// What the folder held, in a line; nothing when it held nothing.
pub fn found_text(it: &Found, lang: Lang) -> String {
    let Found { new, known, foreign, other, unread, more, trouble } = it;
    if *it == Found::default() {
        return String::new();
    }
    let mut out = match lang {
        Lang::Zh => format!("  退信：新 {new}，已知 {known}，非本系统的信 {foreign}，不是退信 {other}，读不了 {unread}"),
        Lang::En => format!("  bounces: {new} new, {known} known, {foreign} of other letters, {other} no bounces, {unread} unread"),
    };
    if *more {
        out.push_str(lang.pick("；其余下次再读", "; the others the next time"));
    }
    out.push('\n');
    if let Some(trouble) = trouble {
        out.push_str(&format!("    ✗ {trouble}\n"));
    }
    out
}

/// Letters that came back of late and whose address is still in use: what nobody has mended yet.
pub async fn standing(city: &City, store: &Store, today: NaiveDate) -> Result<Vec<Bounced>, StoreError> {
    let used = addresses(city);
    let mut bounced = store.bounces(Some(today - TimeDelta::days(TOLD_DAYS))).await?;
    bounced.retain(|it| used.contains(&it.address.to_lowercase()));
    Ok(bounced)
}

/// Reads the folder, where the configuration names one, and queues a letter to the operators about all that came back on this night and
/// all that waits because it cannot be encrypted.
pub async fn tell(city: &City, store: &Store, settings: &MailSettings, night: NaiveDate) -> Result<Found, Stop> {
    let found = match &settings.file.bounces {
        Some(it) => read(store, &settings.root.join(&it.maildir), night).await?,
        None => Found::default(),
    };
    let lang = city.settings.report.lang;
    // A letter like this one that came back is told by `muster status` alone: it would come back every night.
    let bounced = store.bounces(Some(night)).await?;
    let mut lines: Vec<String> = bounced.iter().filter(|it| !it.reader.ends_with(TO_OPERATORS)).map(|it| line(it, lang)).collect();
    lines.extend(found.trouble.iter().map(|it| lang.pick(format!("退信目录：{it}"), format!("the folder of bounces: {it}"))));
    for (reader, why) in settings.certificates.unusable(clock::instant()) {
        lines.push(
            lang.pick(
                format!("{reader} 的信不能加密，暂不发送：{why}"),
                format!("letters to {reader} cannot be encrypted and wait: {why}"),
            ),
        );
    }
    let letters = letters(city, night, &lines)?;
    store.queue(night, &clock::now(), &letters).await?;
    Ok(found)
}

/// What the readers of these letters are called, after `operator-1`: beside the letter about the night itself.
const TO_OPERATORS: &str = "-mail";

fn letters(city: &City, night: NaiveDate, lines: &[String]) -> Result<Vec<Letter>, minijinja::Error> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let subject = match city.settings.report.lang {
        Lang::Zh => format!("{night} 有信未送达，请处理"),
        Lang::En => format!("{night}: letters did not arrive"),
    };
    let letters = mail::undelivered(city, night, &subject, lines)?;
    Ok(letters.into_iter().map(|it| Letter { reader: it.reader.clone() + TO_OPERATORS, ..it }).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "2026-11-15.nightly.finance.1.0123456789ab@city.example";

    /// As Postfix writes it: the head of the letter comes back.
    const POSTFIX: &str = "\
From: MAILER-DAEMON@mail.city.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: muster@city.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary=\"4F1.1763/mail.city.example\"
Message-Id: <20261115013000.4F2@mail.city.example>

This is a MIME-encapsulated message.

--4F1.1763/mail.city.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<finance@city.example>: unknown user: \"finance\"

--4F1.1763/mail.city.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.city.example
X-Postfix-Queue-ID: 4F1
Arrival-Date: Sun, 15 Nov 2026 01:30:00 +0800 (CST)

Final-Recipient: rfc822; finance@city.example
Original-Recipient: rfc822;finance-desk@city.example
Action: failed
Status: 5.1.1
Diagnostic-Code: X-Postfix; unknown user:
    \"finance\"

--4F1.1763/mail.city.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: muster@city.example
Message-ID: <2026-11-15.nightly.finance.1.0123456789ab@city.example>
Subject: =?utf-8?b?c2VjcmV0?=

--4F1.1763/mail.city.example--
";

    /// As Exchange writes it: it answers the letter, and what it returns has a Message-ID of its own making.
    const EXCHANGE: &str = "\
From: <postmaster@hr.city.example>
To: <muster@city.example>
Subject: =?utf-8?B?5pyq6YCS6YCS?=
In-Reply-To: <2026-11-15.nightly.finance.1.0123456789ab@city.example>
References: <2026-w46.nightly.finance@city.example>
 <2026-11-15.nightly.finance.1.0123456789ab@city.example>
X-MS-Exchange-Message-Is-Ndr:
MIME-Version: 1.0
Content-Type: Multipart/Report; report-type=Delivery-Status;
 boundary=\"_0_\"

--_0_
Content-Type: multipart/alternative; boundary=\"_1_\"

--_1_
Content-Type: text/plain; charset=\"gb2312\"
Content-Transfer-Encoding: quoted-printable

=CE=B4=B5=DD=CB=CD
--_1_
Content-Type: text/html; charset=\"gb2312\"
Content-Transfer-Encoding: quoted-printable

<p>=CE=B4=B5=DD=CB=CD</p>
--_1_--

--_0_
Content-Type: Message/Delivery-Status

Reporting-MTA: dns;EX01.hr.city.example
Received-From-MTA: dns;mail.city.example
Arrival-Date: Sun, 15 Nov 2026 01:30:01 +0000

Original-Recipient: rfc822;finance@city.example
Final-Recipient: rfc822;finance@city.example
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp;552 5.2.2 mailbox full

--_0_
Content-Type: message/rfc822

From: muster@city.example
Subject: a letter
MIME-Version: 1.0
Content-Type: text/plain

body

--_0_--
";

    /// As systems of Coremail write it: no `multipart/report`, Chinese texts, the report in base64, the whole letter returned.
    const COREMAIL: &str = "\
From: postmaster@mail.city.example
To: muster@city.example
Subject: =?gb2312?B?z7XNs82j0MU=?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"----=_Part_1\"
X-Coremail-Antispam: 1

------=_Part_1
Content-Type: text/html; charset=gbk
Content-Transfer-Encoding: base64

sbu7s9DFtcTTyrz+

------=_Part_1
Content-Type: message/delivery-status; name=\"status.txt\"
Content-Transfer-Encoding: base64

UmVwb3J0aW5nLU1UQTogZG5zOyBtYWlsLmNpdHkuZXhhbXBsZQ0KDQpGaW5hbC1SZWNpcGllbnQ6IFJGQzgyMjsgZmluYW5jZUBjaXR5LmV4YW1wbGUNCkFjdGlvbjogZmFpbGVkDQpTdGF0dXM6IDUuMC4wDQpEaWFnbm9zdGljLUNvZGU6IFNNVFA7IDU1MCBVc2VyIG5vdCBmb3VuZDogZmluYW5jZUBjaXR5LmV4YW1wbGUNCg==

------=_Part_1
Content-Type: message/rfc822

From: muster@city.example
To: finance@city.example
Message-ID: <2026-11-15.nightly.finance.1.0123456789ab@city.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=\"in\"

--in
Content-Type: text/plain

body
--in--

------=_Part_1--
";

    fn read(text: &str) -> Option<(Action, String, bool, Vec<String>)> {
        let it = report(text.replace('\n', "\r\n").as_bytes())?;
        Some((it.action, it.status, it.message_ids.iter().any(|it| it == ID), it.recipients))
    }

    fn to(addresses: &[&str]) -> Vec<String> {
        addresses.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn reports_of_the_usual_servers_are_understood() {
        let box_and_alias = to(&["finance-desk@city.example", "finance@city.example"]);
        assert_eq!(read(POSTFIX), Some((Action::Failed, "5.1.1".into(), true, box_and_alias)));
        let twice = to(&["finance@city.example", "finance@city.example"]);
        assert_eq!(read(EXCHANGE), Some((Action::Failed, "5.2.2".into(), true, twice)));
        assert_eq!(read(COREMAIL), Some((Action::Failed, "5.0.0".into(), true, to(&["finance@city.example"]))));
    }

    #[test]
    fn late_is_less_than_given_up_and_delivered_is_no_trouble() {
        let late = POSTFIX.replace("Action: failed\nStatus: 5.1.1", "Action: delayed\nStatus: 4.4.1");
        assert_eq!(read(&late).map(|it| (it.0, it.1)), Some((Action::Delayed, "4.4.1".into())));
        let given_up = POSTFIX.replace("Status: 5.1.1", "Status: 4.4.7 (delivery time expired)");
        assert_eq!(read(&given_up).map(|it| (it.0, it.1)), Some((Action::Failed, "4.4.7".into())));
        let two = POSTFIX
            .replace("Final-Recipient:", "Final-Recipient: rfc822; other@city.example\nAction: delayed\nStatus: 4.2.2\n\nFinal-Recipient:");
        assert_eq!(read(&two).map(|it| (it.0, it.1)), Some((Action::Failed, "5.1.1".into())), "the worst of several recipients");
        for word in ["delivered", "relayed", "expanded", "", "?"] {
            assert_eq!(read(&POSTFIX.replace("Action: failed", &format!("Action: {word}"))), None, "{word}");
        }
        let silent = POSTFIX.replace("Status: 5.1.1\nDiagnostic-Code: X-Postfix", "Diagnostic-Code: smtp; 554 5.7.1 refused; 10.1.2.3");
        assert_eq!(read(&silent).map(|it| it.1), Some("5.7.1".into()), "from what the server said");
    }

    #[test]
    fn what_is_no_report_is_none() {
        let away = "From: a@b.example\nSubject: =?utf-8?b?5LyR5YGH?=\nAuto-Submitted: auto-replied\n\nAction: failed\nStatus: 5.1.1\n";
        for text in ["", "\n\n", "no mail at all", away, "Content-Type: message/delivery-status\n\n", "Content-Type: multipart/report\n\n"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        // A person forwards a report: it stands within another letter, and says nothing of ours.
        let forwarded = format!("From: a@b.example\nContent-Type: message/rfc822\n\n{POSTFIX}");
        assert_eq!(read(&forwarded), None);
    }

    #[test]
    fn hostile_messages_are_read_without_harm() {
        let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(40_000);
        assert_eq!(report(nested.as_bytes()), None);
        let digests: String = (0..30_000).map(|it| format!("Content-Type: multipart/digest; boundary={it}\r\n\r\n--{it}\r\n")).collect();
        assert_eq!(report(digests.as_bytes()), None);
        let deepest = "Content-Type: message/rfc822\r\n\r\n".repeat(PARTS_MAX);
        assert_eq!(report(deepest.as_bytes()), None);
        let long = POSTFIX.replace("Status: 5.1.1", &format!("Status: {}", "5".repeat(900_000)));
        assert_eq!(read(&long).map(|it| it.1), Some("5.0.0".into()));
        let many = POSTFIX.replace("Action: failed", &("X: y\n\n".repeat(50_000) + "Action: failed"));
        assert!(read(&many).is_some());
        let cut = &POSTFIX[..POSTFIX.find("Content-Description: Undelivered").expect("it is there")];
        assert_eq!(read(cut).map(|it| (it.1, it.2)), Some(("5.1.1".into(), false)), "the letter was cut off, the recipient is there");
    }

    proptest! {
        #[test]
        fn no_message_is_too_broken(at in 0..POSTFIX.len(), with in proptest::collection::vec(any::<u8>(), 0..40), drop in 0..200_usize) {
            for text in [POSTFIX, EXCHANGE, COREMAIL] {
                let mut bytes = text.as_bytes().to_vec();
                let at = at.min(bytes.len());
                let end = (at + drop).min(bytes.len());
                bytes.splice(at..end, with.iter().copied());
                let _ = report(&bytes);
            }
        }
    }

    #[test]
    fn every_code_has_a_meaning_in_both_languages() {
        for status in ["5.1.1", "5.1.2", "5.2.1", "5.2.2", "5.3.4", "5.7.1", "4.4.7", "4.2.2", "4.0.0", "5.0.0", "", "x"] {
            assert!(!meaning(status, Lang::Zh).is_ascii() && meaning(status, Lang::En).is_ascii(), "{status}");
        }
    }
}
