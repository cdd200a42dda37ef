//! Delivers what the outbox holds: one letter after the other, each under a lease.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Utc};
use serde::Serialize;

use super::enclose;
use super::kind::Kind;
use super::post::{Post, Sheet};
use super::reader::{addresses, bare};
use super::settings::MailSettings;
use crate::clock;
use crate::config::City;
use crate::store::outbox::{Queued, Sent, When};
use crate::store::{Store, StoreError};

/// How much longer than one conversation a lease lasts, in seconds.
const LEASE_SPARE_SECONDS: u64 = 10;

/// What came of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Letters that the server took.
    pub sent: u64,
    /// Letters to be tried again later, and why the last of them was not taken.
    pub deferred: u64,
    /// Letters that were given up: operators must look.
    pub parked: u64,
    /// The last thing that went wrong; holds no personal data.
    pub trouble: Option<String>,
}

impl Delivered {
    /// Whether every letter that was due is gone.
    pub fn all(&self) -> bool {
        self.deferred + self.parked == 0
    }
}

/// Sends every letter that is due. Other processes may do the same: each letter goes to one of them.
pub async fn deliver(store: &Store, city: &City, settings: &MailSettings) -> Result<Delivered, StoreError> {
    deliver_of(None, store, city, settings).await
}

/// Sends every letter of one kind that is due; of every kind where none is given.
pub async fn deliver_of(kind: Option<Kind>, store: &Store, city: &City, settings: &MailSettings) -> Result<Delivered, StoreError> {
    let mut delivered = Delivered::default();
    let post = match Post::new(settings) {
        Ok(it) => it,
        Err(why) => {
            delivered.trouble = Some(why);
            delivered.deferred = store.letters(Some("queued"), u32::MAX >> 1).await?.len() as u64;
            return Ok(delivered);
        }
    };
    let by = format!("{}-{}", std::process::id(), clock::now());
    let lease = settings.file.timeout_seconds.saturating_mul(4) + LEASE_SPARE_SECONDS;
    let known = addresses(city);
    // A server that refuses our login is asked once: what else is due meets the same.
    let mut shut = None;
    loop {
        let when = When { now: clock::now(), lease_until: clock::after(lease) };
        let Some(mut letter) = store.lease_letter(kind, &by, &when).await? else { return Ok(delivered) };
        let sent = match shut.take() {
            Some(why) => Sent::Shut(why),
            None if !still_reads(&known, &letter.address) => Sent::Refused(GONE.to_owned()),
            None => {
                let enclosure = if letter.encloses { enclose::enclose(store, city, &mut letter).await } else { None };
                post.send(&Sheet { enclosure, ..sheet(&letter, settings) }).await
            }
        };
        match &sent {
            Sent::Taken(_) => delivered.sent += 1,
            Sent::Later(why) => {
                delivered.deferred += 1;
                delivered.trouble = Some(why.clone());
            }
            Sent::Refused(why) => {
                delivered.parked += 1;
                delivered.trouble = Some(why.clone());
            }
            Sent::Shut(why) => {
                delivered.parked += 1;
                delivered.trouble = Some(why.clone());
                shut = Some(why.clone());
            }
        }
        tracing::info!(letter = letter.id, message_id = letter.message_id, taken = matches!(sent, Sent::Taken(_)), "a letter was tried");
        if !store.letter_sent(letter.id, &by, &sent, |minutes| clock::after(minutes.unsigned_abs() * 60)).await? {
            tracing::warn!(letter = letter.id, "the lease on the letter was lost while it was sent");
        }
    }
}

/// What is said of a letter whose reader is gone.
const GONE: &str = "收件人已不在配置中，不再发送 (nobody in the configuration has this address any more)";

/// Whether somebody in the configuration has the address: who has left gets nothing that still waited, and nothing without the
/// certificate that left with them.
fn still_reads(known: &BTreeSet<String>, address: &str) -> bool {
    known.contains(&bare(address))
}

fn sheet<'a>(letter: &'a Queued, settings: &'a MailSettings) -> Sheet<'a> {
    let at = DateTime::parse_from_rfc3339(&letter.due_at).map_or(DateTime::<Utc>::UNIX_EPOCH, |it| it.to_utc());
    let week = letter.night.iso_week();
    let domain = letter.message_id.rsplit('@').next().unwrap_or_default();
    Sheet {
        message_id: &letter.message_id,
        to: &letter.address,
        subject: &letter.subject,
        plain: &letter.plain,
        html: &letter.html,
        at: at.into(),
        certificate: settings.certificates.of(&letter.reader, &letter.address),
        thread: Some(format!("{}-w{:02}.{}.{}@{domain}", week.year(), week.week(), letter.kind, letter.reader)),
        unsubscribe: Some(format!(
            "{}?subject={}",
            encoded(settings.keeper().as_ref()),
            encoded(&format!("unsubscribe {} {}", letter.kind, letter.reader))
        )),
        enclosure: None,
    }
}

/// As it stands in an address of RFC 6068: everything but letters, digits and what never means anything there in hexadecimal.
fn encoded(text: &str) -> String {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~@".contains(&it);
    text.bytes().map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_the_configuration_gets_nothing_more() {
        let known = BTreeSet::from(["wang.lei@city.example".to_owned()]);
        assert!(still_reads(&known, "王磊 <Wang.Lei@city.example>") && still_reads(&known, "wang.lei@city.example"));
        assert!(!still_reads(&known, "li.na@city.example"));
    }
}
