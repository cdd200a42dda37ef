//! Who looks at what the hub knows of people, and what of it is written down.
//!
//! Where `people.toml` names people, whoever looks says who they are with `--as` and sees what is theirs, whichever command they take.
//! What is shown in full takes a reason, and the reason stands in the audit log before anything is shown.

use std::collections::BTreeMap;

use crate::audit::local_user;
use crate::cli::AsArg;
use crate::config::City;
use crate::people::Eyes;
use crate::run::Stop;
use crate::store::Store;
use crate::store::audit::Entry;
use crate::words::Lang;
use crate::{clock, mail};

/// Through whose eyes a command looks at cases.
pub async fn eyes(city: &City, store: &Store, said: &AsArg) -> Result<Eyes, Stop> {
    let newest = store.nights().await?.into_iter().max();
    let night = match newest.filter(|_| said.person.is_some()) {
        Some(newest) => city.archive()?.told(newest).map_err(|err| Stop::Trouble(err.to_string()))?,
        None => None,
    };
    Eyes::of(said.person.as_deref(), &city.people, night.as_ref(), mail::concerned(city)).map_err(Stop::Usage)
}

/// Through whose eyes a command looks at rows of departments; those of single units are not theirs to see as a whole.
pub fn eyes_on_rows(city: &City, said: &AsArg) -> Result<Eyes, Stop> {
    Eyes::of(said.person.as_deref(), &city.people, None, BTreeMap::new()).map_err(Stop::Usage)
}

/// The same, for what is about people of every department.
pub fn eyes_on_all(city: &City, said: &AsArg, lang: Lang) -> Result<Eyes, Stop> {
    let eyes = eyes_on_rows(city, said)?;
    let not = || lang.pick("只有可见范围为全市各部门的人可用", "only for people who see all departments of the whole city");
    if eyes.see_all() { Ok(eyes) } else { Err(Stop::Usage(not().to_owned())) }
}

/// Who acts: the person who looks, whoever `--by` names where `people.toml` names nobody, or whoever has the terminal.
pub fn actor(eyes: &Eyes, by: Option<&String>, lang: Lang) -> Result<String, Stop> {
    match (eyes.id(), by) {
        (Some(_), Some(_)) => {
            let both = lang.pick(
                "--as 与 --by 只用其一：people.toml 中的人以 --as 办理",
                "either --as or --by: people of people.toml act as themselves",
            );
            Err(Stop::Usage(both.to_owned()))
        }
        (Some(id), None) => Ok(id.to_owned()),
        (None, by) => Ok(by.cloned().unwrap_or_else(local_user)),
    }
}

/// Writes down that somebody is shown in full what is masked otherwise.
pub async fn revealed(store: &Store, eyes: &Eyes, about: &str, why: &str) -> Result<(), Stop> {
    noted(store, eyes, "revealed", about, [("why".to_owned(), why.to_owned())].into()).await
}

/// Writes down that somebody looks at all that is known of a person, or of the people of a unit, be it masked.
pub async fn looked(store: &Store, eyes: &Eyes, about: &str) -> Result<(), Stop> {
    noted(store, eyes, "looked", about, BTreeMap::new()).await
}

async fn noted(store: &Store, eyes: &Eyes, what: &str, about: &str, mut detail: BTreeMap<String, String>) -> Result<(), Stop> {
    detail.insert("login".to_owned(), local_user());
    let who = eyes.id().map_or_else(local_user, str::to_owned);
    Ok(store.audit(&Entry { at: clock::now(), who, what: what.to_owned(), about: about.to_owned(), detail }).await?)
}
