//! `[mail]` of muster.toml, checked when the configuration is read.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::{NaiveDate, NaiveTime, Weekday};
use lettre::Address;
use lettre::message::Mailbox;
use muster_connectors::Secret;
use serde::Deserialize;

use super::kind::{Kind, Rhythm};
use super::smime::Certificates;
use super::template::Templates;
use crate::words::{Lang, one_line};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Begins in clear and must be protected before anything is said; a server that cannot is refused.
    #[default]
    Starttls,
    /// Protected from the first byte.
    Tls,
    /// In clear; to this machine alone.
    None,
}

impl Tls {
    fn port(self) -> u16 {
        match self {
            Tls::Starttls => 587,
            Tls::Tls => 465,
            Tls::None => 25,
        }
    }
}

/// Whether letters carry their reader's workbook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attach {
    /// They carry none.
    #[default]
    Never,
    /// Under the password of `[report]`.
    Encrypted,
    /// As it is, with masked ID numbers.
    Clear,
}

/// Characters of a prefix: a subject should still say something.
const PREFIX_MAX: usize = 24;

/// `[mail]` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailFile {
    /// The mail server.
    pub host: String,
    /// Its port; by `tls` where it is not said.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// Certificate authority of the server, PEM; the machine's own ones where it is not said.
    pub ca: Option<PathBuf>,
    /// Login, where the server asks for one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Whom letters are from.
    pub from: String,
    /// Where answers go; to `from` where it is not said.
    pub reply_to: Option<String>,
    /// Who hears of feeds that were left out, rules that broke off and nights that failed.
    #[serde(default)]
    pub operators: Vec<String>,
    /// Address of the page that letters point to.
    pub link: Option<String>,
    /// What subjects begin with; `【编制核对】` or `[muster]` where it is not said.
    pub prefix: Option<String>,
    /// The day of the weekly letter.
    #[serde(default = "monday")]
    pub weekly: Weekday,
    /// The day of the monthly letter, 1 to 28.
    #[serde(default = "second")]
    pub monthly: u32,
    /// Whether nightly, weekly and monthly letters carry their reader's workbook.
    #[serde(default)]
    pub attach: Attach,
    /// A larger workbook is not attached; in MiB.
    #[serde(default = "attach_max")]
    pub attach_max_mib: u64,
    /// When operators hear that there was no night, `07:00`; where it is not said, when a night that is due has passed its deadline.
    pub night_by: Option<String>,
    /// The day on which `password` ends: operators hear of it before.
    pub expires: Option<NaiveDate>,
    /// Where reports about letters that did not arrive come in; they are not read where it is not said.
    pub bounces: Option<BounceFile>,
    /// How long one step of the conversation with the server may take.
    #[serde(default = "timeout")]
    pub timeout_seconds: u64,
}

fn timeout() -> u64 {
    30
}
fn monday() -> Weekday {
    Weekday::Mon
}
fn second() -> u32 {
    2
}
fn attach_max() -> u64 {
    10
}

/// `bounces = { … }` of `[mail]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BounceFile {
    /// The mailbox folder, a Maildir.
    pub maildir: PathBuf,
    /// The address that mail servers send reports to, whose mailbox that is; `from` where it is not said.
    pub return_path: Option<String>,
}

/// `[mail]`, checked.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// What the file says.
    pub file: MailFile,
    /// Port.
    pub port: u16,
    /// Whom letters are from.
    pub from: Mailbox,
    /// Where answers go.
    pub reply_to: Option<Mailbox>,
    /// Operators.
    pub operators: Vec<Mailbox>,
    /// Where reports about letters that did not arrive go; null: to `from`.
    pub return_path: Option<Address>,
    /// For whom letters are encrypted: by people.toml.
    pub certificates: Certificates,
    /// Folder that paths are below.
    pub root: PathBuf,
    /// When operators hear that there was no night.
    pub night_by: Option<NaiveTime>,
    /// The words of the letters.
    pub templates: Templates,
}

impl MailFile {
    /// Checks it; every mistake with the text that it is about.
    pub fn check(self, root: &Path) -> Result<MailSettings, Vec<(String, String)>> {
        let mut wrong = Vec::new();
        let mut mailbox = |text: &str, what: &str| {
            let read = Mailbox::from_str(text).ok().filter(|_| !text.chars().any(char::is_control));
            if read.is_none() {
                wrong.push((text.to_owned(), format!("`{what}` is no mail address: write name@city.example or 名称 <name@city.example>")));
            }
            read
        };
        let from = mailbox(&self.from, "from");
        let reply_to = self.reply_to.as_deref().and_then(|it| mailbox(it, "reply_to"));
        let operators: Vec<Mailbox> = self.operators.iter().filter_map(|it| mailbox(it, "operators")).collect();
        let return_path = self.bounces.as_ref().and_then(|it| it.return_path.as_deref()).and_then(|it| mailbox(it, "return_path"));
        let return_path = return_path.map(|it| it.email);
        if self.tls == Tls::None && !is_loopback(&self.host) {
            wrong.push((
                "tls".to_owned(),
                "`tls = \"none\"` is for a mail server on this machine (127.0.0.1); to any other, letters go protected: \"starttls\" or \"tls\""
                    .to_owned(),
            ));
        }
        if self.user.is_some() != self.password.is_some() {
            wrong.push(("user".to_owned(), "`user` and `password` go together".to_owned()));
        }
        if self.user.is_some() && self.tls == Tls::None && !is_loopback(&self.host) {
            wrong.push(("user".to_owned(), "a password is never sent in clear".to_owned()));
        }
        if self.timeout_seconds == 0 {
            wrong.push(("timeout_seconds".to_owned(), "`timeout_seconds` is at least 1".to_owned()));
        }
        if self.link.as_deref().is_some_and(|it| !(it.starts_with("https://") || it.starts_with("http://"))) {
            wrong.push(("link".to_owned(), "`link` begins with https://".to_owned()));
        }
        if self.prefix.as_deref().is_some_and(|it| one_line(it, PREFIX_MAX) != it.trim()) {
            let why = format!("`prefix` is one line of at most {PREFIX_MAX} characters");
            wrong.push(("prefix".to_owned(), why));
        }
        if !(1..=28).contains(&self.monthly) {
            wrong.push(("monthly".to_owned(), "`monthly` is a day that every month has: 1 to 28".to_owned()));
        }
        let night_by = self.night_by.as_deref().map(|it| NaiveTime::parse_from_str(it, "%H:%M"));
        if let Some(Err(_)) = night_by {
            wrong.push(("night_by".to_owned(), "`night_by` is a time like 07:00".to_owned()));
        }
        match (from, wrong.is_empty()) {
            (Some(from), true) => {
                let port = self.port.unwrap_or(self.tls.port());
                Ok(MailSettings {
                    port,
                    from,
                    reply_to,
                    operators,
                    return_path,
                    certificates: Certificates::default(),
                    root: root.to_owned(),
                    night_by: night_by.and_then(Result::ok),
                    templates: Templates::default(),
                    file: self,
                })
            }
            _ => Err(wrong),
        }
    }
}

impl MailSettings {
    /// The part of Message-IDs behind the at sign.
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// What a subject begins with.
    pub fn prefix(&self, lang: Lang) -> String {
        let prefix = self.file.prefix.as_deref().map_or(lang.pick("【编制核对】", "[muster]"), str::trim);
        if prefix.is_empty() || prefix.ends_with('】') { prefix.to_owned() } else { format!("{prefix} ") }
    }

    /// When letters of this kind are due; null for kinds that every night may bring.
    pub fn rhythm(&self, kind: Kind) -> Option<Rhythm> {
        match kind {
            Kind::Weekly => Some(Rhythm::Weekly(self.file.weekly)),
            Kind::Monthly => Some(Rhythm::Monthly(self.file.monthly)),
            Kind::Urgent | Kind::Nightly | Kind::Failures | Kind::Alarm => None,
        }
    }

    /// Who keeps scopes and kinds of letters: answers, operators, or whoever the letters are from.
    pub fn keeper(&self) -> &Address {
        &self.reply_to.as_ref().or(self.operators.first()).unwrap_or(&self.from).email
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        let file: MailFile = toml::from_str(text).expect("TOML");
        file.check(Path::new(".")).err().unwrap_or_default().into_iter().map(|it| it.1).collect()
    }

    #[test]
    fn settings_are_checked_before_a_night() {
        let good = "host = 'mail.city.example'\nfrom = '编制核对 <muster@city.example>'\noperators = ['ops@city.example']\n";
        assert!(wrong(good).is_empty());
        let settings = toml::from_str::<MailFile>(good).expect("TOML").check(Path::new(".")).expect("good");
        assert_eq!((settings.port, settings.domain()), (587, "city.example"));
        assert_eq!(wrong("host = 'mail.city.example'\nfrom = 'nobody'").len(), 1);
        assert!(wrong("host = 'mail.city.example'\ntls = 'none'\nfrom = 'a@b.example'")[0].contains("127.0.0.1"));
        assert!(wrong("host = '127.0.0.1'\ntls = 'none'\nfrom = 'a@b.example'").is_empty());
        assert!(wrong("host = '127.0.0.1'\nfrom = 'a@b.example'\nuser = 'x'")[0].contains("together"));
        let with = |more: &str| wrong(&format!("{good}{more}\n"));
        assert!(with("prefix = '【甲市】'\nweekly = 'friday'\nmonthly = 5\nnight_by = '07:00'\nexpires = '2027-03-01'").is_empty());
        assert!(with("prefix = \"a\\r\\nBcc: all@b.example\"")[0].contains("one line"));
        assert!(with("monthly = 31")[0].contains("28") && with("night_by = '7 am'")[0].contains("07:00"));
        assert_eq!((settings.prefix(Lang::Zh), settings.prefix(Lang::En)), ("【编制核对】".to_owned(), "[muster] ".to_owned()));
        let bounces = |address: &str| format!("{good}bounces = {{ maildir = 'Maildir', return_path = '{address}' }}");
        assert!(wrong(&bounces("back@city.example")).is_empty());
        assert!(wrong(&bounces("back"))[0].contains("`return_path` is no mail address"));
        assert!(!wrong("host = 'h'\nfrom = \"a <a@b.example>\\r\\nBcc: all@b.example\"").is_empty());
    }
}
