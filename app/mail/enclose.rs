//! A reader's workbook that goes with a letter: made when the letter is sent, cut to what the reader may see by then, and written into the
//! audit log before it leaves. What cannot be attached is told in the letter, which goes all the same.

use std::collections::BTreeMap;

use muster_connectors::Hidden;
use muster_core::mask;
use sha2::{Digest, Sha256};

use super::kind::Kind;
use super::post::Enclosure;
use super::reader::{Reader, concerned, readers};
use super::settings::Attach;
use crate::audit::local_user;
use crate::clock;
use crate::config::City;
use crate::digest::CardText;
use crate::report::share;
use crate::run::Stop;
use crate::sheet::{self, Book, BookReader};
use crate::store::Store;
use crate::store::audit::Entry;
use crate::store::outbox::Queued;
use crate::store::work::Worked;
use crate::words::{Lang, hex};

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// A workbook, and how many cases stand in it.
struct Made {
    bytes: Vec<u8>,
    cases: usize,
    lang: Lang,
}

/// What goes with `letter`, to which a line is added that says what that is, or why it is not there. Null where nothing goes.
pub async fn enclose(store: &Store, city: &City, letter: &mut Queued) -> Option<Enclosure> {
    let mail = city.mail.as_ref().filter(|it| it.file.attach != Attach::Never)?;
    let name = format!("编制核对_{}.xlsx", letter.night);
    let fallback = city.settings.report.lang;
    let made = match made(store, city, letter).await {
        Ok(made) => made?,
        Err(stop) => {
            tracing::error!(letter = letter.id, err = stop.line(), "the workbook of a letter cannot be made");
            let why = fallback.pick("附件未能生成", "The workbook could not be made");
            note(letter, &without(letter, why, fallback));
            return None;
        }
    };
    let lang = made.lang;
    if made.bytes.len() as u64 > mail.file.attach_max_mib * MIB {
        let (size, max) = ((made.bytes.len() as u64).div_ceil(MIB), mail.file.attach_max_mib);
        let why = lang.pick(
            format!("附件过大（{size} MiB，上限 {max} MiB），未附"),
            format!("The workbook is too large ({size} MiB of at most {max}) and is not attached"),
        );
        note(letter, &without(letter, &why, lang));
        return None;
    }
    if let Err(err) = store.audit(&entry(letter, &name, &made)).await {
        tracing::error!(letter = letter.id, %err, "the audit log cannot be written: the workbook stays here");
        let why = lang.pick("附件未能登记，未附", "The workbook could not be written into the audit log and is not attached");
        note(letter, &without(letter, why, lang));
        return None;
    }
    let locked = mail.file.attach == Attach::Encrypted;
    note(
        letter,
        &match (lang, locked) {
            (Lang::Zh, true) => format!("附件 {name}：用约定的密码打开；请按规定保管和销毁。"),
            (Lang::Zh, false) => format!("附件 {name}：含姓名，证件号已遮盖；请按规定保管和销毁。"),
            (Lang::En, true) => format!("Attached: {name}. It opens with the password that was agreed; keep and destroy it as prescribed."),
            (Lang::En, false) => format!("Attached: {name}. It names people, with masked ID numbers; keep and destroy it as prescribed."),
        },
    );
    Some(Enclosure { name, bytes: made.bytes })
}

/// The workbook of the letter's reader; null when the letter goes to nobody who gets one any more.
async fn made(store: &Store, city: &City, letter: &Queued) -> Result<Option<Made>, Stop> {
    let Some(mail) = &city.mail else { return Ok(None) };
    let gone = || Stop::Trouble(format!("nothing of the night {} is kept", letter.night));
    let night = city.archive()?.told(letter.night).map_err(|err| Stop::Trouble(err.to_string()))?.ok_or_else(gone)?;
    let readers = readers(city, &night);
    // Whoever was taken off the list since, or has another address, gets the letter that was queued, and no more.
    let Some(reader) = readers.into_iter().find(|it| it.id == letter.reader && it.address == letter.address) else { return Ok(None) };
    let Reader { scope, lang, .. } = &reader;
    let mut settings = city.settings.report.sheet();
    settings.lang = *lang;
    settings.full_ids &= mail.file.attach == Attach::Encrypted;
    let title = lang.of(&reader.title);
    let mark = match lang {
        Lang::Zh => format!("随 {} 的信发给 {title}", letter.queued_at),
        Lang::En => format!("sent to {title} with the letter of {}", letter.queued_at),
    };
    let is_monthly = letter.kind == Kind::Monthly.word();
    if is_monthly && !scope.is_whole() {
        return Ok(None);
    }
    let (clear, cases) = if is_monthly {
        let trend = store.trend().await?;
        let reader = BookReader::Leaders(&trend);
        (sheet::workbook(&Book { night: &night, cards: &[], settings: &settings, mark: Some(&mark), reader })?, 0)
    } else {
        let concerned = concerned(city);
        let mut share = share::share(&night, &concerned, scope);
        for person in share.people.values_mut().filter(|_| !settings.full_ids) {
            person.id_number = person.id_number.as_deref().map(mask::id_number);
        }
        // What people did since belongs to the newest night alone.
        let newest = store.nights().await?.last() == Some(&letter.night);
        let mut work = if newest { store.worked(&city.calendar).await? } else { Vec::new() };
        work = work.into_iter().filter_map(|it| Some(Worked { case: scope.cut(&it.case, &concerned)?, ..it })).collect();
        let cards: Vec<CardText> = city.rules.iter().map(CardText::of).collect();
        let reader = BookReader::Reviewer(&work);
        let book = Book { night: &share, cards: &cards, settings: &settings, mark: Some(&mark), reader };
        (sheet::workbook(&book)?, share.cases.len())
    };
    let bytes = if mail.file.attach == Attach::Encrypted {
        let password = city.report_password()?.ok_or_else(|| Stop::Trouble("[report] has no password".to_owned()))?;
        sheet::with_password(&clear, Hidden::reveal(&password))?
    } else {
        clear
    };
    Ok(Some(Made { bytes, cases, lang: *lang }))
}

/// Every attempt is written down: of one that broke off nobody knows what arrived.
fn entry(letter: &Queued, name: &str, made: &Made) -> Entry {
    let detail = BTreeMap::from([
        ("for".to_owned(), letter.reader.clone()),
        ("night".to_owned(), letter.night.to_string()),
        ("why".to_owned(), format!("mail {}", letter.kind)),
        ("message_id".to_owned(), letter.message_id.clone()),
        ("attempt".to_owned(), (letter.attempts + 1).to_string()),
        ("login".to_owned(), local_user()),
        ("cases".to_owned(), made.cases.to_string()),
        ("sha256".to_owned(), hex(&Sha256::digest(&made.bytes))),
    ]);
    let what = "report-mailed".to_owned();
    Entry { at: clock::now(), who: "muster".to_owned(), what, about: name.to_owned(), detail }
}

/// Why there is no workbook, and how to get it.
fn without(letter: &Queued, why: &str, lang: Lang) -> String {
    let take = format!("muster report --for {} --as-of {}", letter.reader, letter.night);
    match lang {
        Lang::Zh => format!("{why}。请用 {take} 导出。"),
        Lang::En => format!("{why}. Fetch it with {take}."),
    }
}

/// Adds a line to the end of a letter, in both its forms. It is ours: it holds nothing that HTML would read.
fn note(letter: &mut Queued, line: &str) {
    letter.plain = format!("{}\n\n{line}\n", letter.plain.trim_end());
    let html = format!(
        "<div class=\"soft\" style=\"max-width:680px;margin:0 auto;padding:0 24px 20px 24px;font-size:13px;line-height:1.7;color:#6b7682;\
         font-family:'Microsoft YaHei','PingFang SC','Noto Sans CJK SC',Arial,sans-serif;\">{line}</div>\n"
    );
    match letter.html.rfind("</body>") {
        Some(at) => letter.html.insert_str(at, &html),
        None => letter.html.push_str(&html),
    }
}
