//! `muster rules`: the catalogue as this city runs it, one card at a time, and how each has fared.

mod list;
mod nights;
mod scaffold;
mod show;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use muster_core::check::FeedState;
use muster_core::mapping::Title;
use muster_core::rule::tuning::which;
use muster_core::rule::{Rule, Status, Tuning};
use muster_core::schema;
use serde::Serialize;

use crate::cli::{RulesArgs, RulesWhat};
use crate::commands::{Code, Done, Say};
use crate::config::{self, City};
use crate::run::{Stop, turned_off};
use crate::store::Store;

/// `muster rules`.
pub async fn rules(args: &RulesArgs, say: Say) -> Done {
    let catalogue = Catalogue::read(&args.config).await?;
    match (&args.what, &args.history) {
        (Some(RulesWhat::Show { rule }), _) => show::print(&catalogue, catalogue.card(rule)?, say),
        (Some(RulesWhat::New { id, name }), _) => scaffold::write(&catalogue, id, name, say)?,
        (None, Some(rule)) => nights::history(&catalogue, catalogue.card(rule)?, say).await?,
        (None, None) if args.noise => nights::noise(&catalogue, say).await?,
        (None, None) => list::print(&catalogue, args, say),
    }
    Ok(Code::Fine)
}

/// The cards, and what the city makes of them. Without a configuration: the cards that come with the binary and those in `rules/`.
struct Catalogue {
    /// As written, in id order.
    cards: Vec<Rule>,
    tunings: BTreeMap<String, Tuning>,
    /// The city's feeds, and whether the newest night used them; null without a configuration.
    feeds: Option<Vec<FeedState>>,
    /// Where the operator's own cards are.
    folder: PathBuf,
    /// Where nights are kept; null without a configuration.
    store: Option<Store>,
}

/// Whether a rule runs in this city.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "kebab-case")]
enum Stance {
    /// All that it needs is there.
    Runs,
    /// A feed that it needs is not connected, or was left out on the newest night.
    Waits(Title),
    /// The city has turned it off.
    Off(Title),
    /// Its card is being written.
    Draft,
    /// There is no configuration to tell.
    Unknown,
}

impl Catalogue {
    async fn read(path: &Path) -> Result<Catalogue, Stop> {
        if !path.exists() {
            let (mut mistakes, folder) = (Vec::new(), PathBuf::from("rules"));
            let cards = config::rules(&folder, &mut mistakes);
            let catalogue = Catalogue { cards, tunings: BTreeMap::new(), feeds: None, folder, store: None };
            return if mistakes.is_empty() { Ok(catalogue) } else { Err(Stop::Mistakes(mistakes)) };
        }
        let city = config::read(path).map_err(Stop::Mistakes)?;
        let is_there = city.store().map_err(Stop::Trouble)?.is_there();
        let store = if is_there { Some(Store::of(&city).await?) } else { None };
        let used = match &store {
            Some(store) => store.feeds_used().await?,
            None => BTreeMap::new(),
        };
        let (feeds, folder) = (feeds(&city, &used), city.root.join(&city.settings.rules));
        Ok(Catalogue { cards: city.rules, tunings: city.tunings, feeds: Some(feeds), folder, store })
    }

    /// The card called `named`, by id or name.
    fn card(&self, named: &str) -> Result<&Rule, Stop> {
        find(&self.cards, named)
    }

    /// The card as the city runs it.
    fn tuned(&self, card: &Rule) -> Rule {
        card.tuned(self.tunings.get(&card.id))
    }

    fn stance(&self, card: &Rule) -> Stance {
        let off = self.tunings.get(&card.id).and_then(|it| it.off.as_deref());
        match (off, &self.feeds) {
            (Some(why), _) => Stance::Off(turned_off(why)),
            (None, _) if card.status == Status::Draft => Stance::Draft,
            (None, None) => Stance::Unknown,
            (None, Some(feeds)) => waits(card, feeds).map_or(Stance::Runs, Stance::Waits),
        }
    }

    /// The feeds that fill `table`; none without a configuration.
    fn feeds_of(&self, table: &str) -> Vec<&str> {
        self.feeds.iter().flatten().filter(|it| it.table == table).map(|it| it.feed.as_str()).collect()
    }
}

/// The card called `named`, by id in either case or by name.
pub fn find<'a>(cards: &'a [Rule], named: &str) -> Result<&'a Rule, Stop> {
    let found = cards.iter().find(|it| it.id.eq_ignore_ascii_case(named) || it.name == named);
    found.ok_or_else(|| Stop::Usage(format!("no rule `{named}`; {}", which(named, cards))))
}

fn feeds(city: &City, used: &BTreeMap<String, bool>) -> Vec<FeedState> {
    let of = city.departments.iter().flat_map(|it| it.mapping.feeds.iter().map(|feed| (it.file.name.as_str(), feed)));
    of.map(|(department, feed)| {
        let name = format!("{department}/{}", feed.name);
        let used = used.get(&name).copied().unwrap_or(true);
        FeedState { feed: name, table: feed.fills.name.to_owned(), used, last_month: None }
    })
    .collect()
}

/// Every feed that a rule waits for: those that nobody delivers, and those that the newest night left out.
fn waits(card: &Rule, feeds: &[FeedState]) -> Option<Title> {
    let missing: Vec<(&str, &str)> =
        card.needs.iter().filter(|table| !feeds.iter().any(|it| it.table == **table)).map(|it| label(it)).collect();
    let lost: Vec<&str> = feeds
        .iter()
        .filter(|it| !it.used && (card.needs.contains(&it.table) || card.excuses.contains(&it.table)))
        .map(|it| it.feed.as_str())
        .collect();
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    if !missing.is_empty() {
        let of = |pick: fn(&(&str, &str)) -> String| missing.iter().map(pick).collect::<Vec<_>>();
        zh.push(format!("等待数据源：{}", of(|it| it.0.to_owned()).join("、")));
        en.push(format!("waits for a feed of {}", of(|it| it.1.to_owned()).join(", ")));
    }
    if !lost.is_empty() {
        zh.push(format!("最近一夜未采用 {}", lost.join("、")));
        en.push(format!("left out on the newest night: {}", lost.join(", ")));
    }
    (!zh.is_empty()).then(|| Title { zh: zh.join("；"), en: en.join("; ") })
}

/// What a shared table is called in both languages.
fn label(table: &str) -> (&str, &str) {
    schema::table(table).map_or((table, table), |it| (it.label_zh, it.label_en))
}

/// The word of a card's status.
fn status(it: Status) -> &'static str {
    match it {
        Status::Draft => "draft",
        Status::Trial => "trial",
        Status::Stable => "stable",
    }
}
