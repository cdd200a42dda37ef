//! The words of letters: `config/mail/` of this repository, and what an operator has put in their place.
//!
//! A letter is made of the template of its kind, `weekly.txt` and `weekly.html`, set into `frame.txt` and `frame.html`; parts that several
//! kinds have are files too: `{{ part("cases", cases=cases, further=further) }}`. What ends in `.html` is escaped. An operator's folder
//! `mail` beside muster.toml replaces files of the same name; each of them is tried on samples when the configuration is read.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, context};
use muster_core::diag::{Mistake, Source, did_you_mean};
use muster_core::report::Lang;

use super::about::About;
use super::kind::Kind;

macro_rules! shipped {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../config/mail/", $name)))),*] };
}

/// The templates that come with muster.
const SHIPPED: [(&str, &str); 24] = shipped![
    "frame.txt",
    "frame.html",
    "urgent.txt",
    "urgent.html",
    "nightly.txt",
    "nightly.html",
    "weekly.txt",
    "weekly.html",
    "monthly.txt",
    "monthly.html",
    "failures.txt",
    "failures.html",
    "alarm.txt",
    "alarm.html",
    "balance.txt",
    "balance.html",
    "cases.txt",
    "cases.html",
    "feeds.txt",
    "feeds.html",
    "families.txt",
    "undelivered.txt",
    "undelivered.html",
    "families.html"
];

/// What a state looks like where a mail program does not read style sheets.
const COLOURS: [(&str, &str); 4] = [
    ("good", "background:#e6f4ec;color:#17603c;"),
    ("fair", "background:#fdf3d8;color:#7a5200;"),
    ("bad", "background:#fde5e2;color:#9a2016;"),
    ("plain", ""),
];

/// The operator's own templates; the shipped ones stand where there are none.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    own: BTreeMap<String, Source>,
}

impl Templates {
    /// Reads those in `folder`, and tries every letter on samples. A folder that is not there replaces nothing.
    pub fn read(folder: &Path) -> Result<Templates, Vec<Mistake>> {
        let (mut own, mut mistakes) = (BTreeMap::new(), Vec::new());
        let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok).map(|it| it.path());
        let mut paths: Vec<_> = entries.filter(|it| it.extension().is_some_and(|it| it == "txt" || it == "html")).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
            let shown = path.display().to_string();
            match std::fs::read_to_string(&path) {
                Err(err) => mistakes.push(Source::new(&shown, "").mistake(0..0, format!("cannot read {shown}: {err}"), "")),
                Ok(text) if SHIPPED.iter().any(|it| it.0 == name) => drop(own.insert(name, Source::new(shown, text))),
                Ok(text) => {
                    let hint = did_you_mean(&name, SHIPPED.iter().map(|it| it.0), "templates replace shipped ones of the same name");
                    let what = format!("no letter has a template `{name}`");
                    mistakes.push(Source::new(shown, text).mistake(0..0, what, "this file").try_this(hint));
                }
            }
        }
        let templates = Templates { own };
        if mistakes.is_empty() && !templates.own.is_empty() {
            mistakes = templates.wrong();
        }
        if mistakes.is_empty() { Ok(templates) } else { Err(mistakes) }
    }

    /// A letter's plain text and its HTML.
    pub fn letter(&self, about: &About) -> Result<(String, String), Error> {
        let templates = self.environment()?;
        let letter = |ending: &str| -> Result<String, Error> {
            let body = templates.get_template(&format!("{}.{ending}", about.kind))?.render(Value::from(Serde(about)))?;
            let it = Value::from(Serde(about));
            templates.get_template(&format!("frame.{ending}"))?.render(context! { body => Value::from_safe_string(body), ..it })
        };
        Ok((spaced(&letter("txt")?), letter("html")?))
    }

    /// Where the operator's templates cannot be set: every place once.
    fn wrong(&self) -> Vec<Mistake> {
        let mut mistakes: BTreeMap<String, Mistake> = BTreeMap::new();
        for kind in Kind::ALL.map(Kind::word).into_iter().chain(["undelivered"]) {
            for (lang, full) in [(Lang::Zh, true), (Lang::En, true), (Lang::Zh, false), (Lang::En, false)] {
                if let Err(err) = self.letter(&About::sample(kind, lang, full)) {
                    let mistake = self.mistake(&err);
                    mistakes.entry(format!("{} {mistake}", mistake.place())).or_insert(mistake);
                }
            }
        }
        mistakes.into_values().collect()
    }

    /// Where an error of a template stands: the innermost place that is the operator's own.
    fn mistake(&self, err: &Error) -> Mistake {
        let mut found: Option<(&Source, usize)> = None;
        let mut said = err.to_string();
        let mut at = Some(err);
        while let Some(it) = at {
            said = it.detail().map_or_else(|| it.kind().to_string(), |detail| format!("{}: {detail}", it.kind()));
            if let Some(own) = it.name().and_then(|name| self.own.get(name)) {
                found = Some((own, it.line().unwrap_or(1)));
            }
            at = std::error::Error::source(it).and_then(|it| it.downcast_ref::<Error>());
        }
        let hint = "the shipped template of this name shows what it may use; `muster mail preview` shows the letter";
        match found {
            Some((source, line)) => source.mistake(whole_line(&source.text, line), said, "here").try_this(hint),
            None => Source::new(format!("config/mail/{}", err.name().unwrap_or_default()), "").mistake(0..0, said, "").try_this(hint),
        }
    }

    fn environment(&self) -> Result<Environment<'_>, Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        templates.add_global("colours", Value::from(BTreeMap::from(COLOURS)));
        templates.add_function("part", part);
        for (name, text) in SHIPPED {
            templates.add_template(name, self.own.get(name).map_or(text, |it| it.text.as_str()))?;
        }
        Ok(templates)
    }
}

/// The part called `name`, with the ending of the letter that it is in.
fn part(state: &State, name: &str, with: Kwargs) -> Result<Value, Error> {
    let ending = state.name().rsplit('.').next().unwrap_or_default();
    let given = context! { zh => state.lookup("zh"), ..Value::from(with) };
    let set = state.env().get_template(&format!("{name}.{ending}")).and_then(|it| it.render(given));
    // With its cause: where the part is used is a place too.
    set.map(Value::from_safe_string).map_err(|err| Error::new(ErrorKind::BadInclude, format!("`{name}`")).with_source(err))
}

/// The same text with one blank line where there are several, which templates leave where a part is empty.
fn spaced(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.trim().lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_some_and(|it| it.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

/// Where a line, counted from 1, stands in a text.
fn whole_line(text: &str, line: usize) -> std::ops::Range<usize> {
    let from = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let length = text.get(from..).and_then(|it| it.lines().next()).map_or(0, str::len);
    from..from + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Templates, Vec<String>> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a template");
        }
        Templates::read(folder.path()).map_err(|it| it.iter().map(|it| format!("{} {it}", it.place())).collect())
    }

    #[test]
    fn shipped_templates_can_be_set_in_both_languages() {
        assert!(Templates::default().wrong().is_empty(), "{:?}", Templates::default().wrong());
    }

    #[test]
    fn an_operators_template_takes_the_place_of_ours() {
        let own = read(&[("nightly.txt", "本市 {{ reader }}：{{ balance.opened }}\n"), ("README", "no template")]).expect("it is right");
        let (plain, html) = own.letter(&About::sample("nightly", Lang::Zh, true)).expect("it is set");
        assert!(plain.contains("本市 市财政局") && !plain.contains("MU-2026") && html.contains("MU-2026-000123"), "{plain}");
    }

    #[test]
    fn a_wrong_template_is_told_with_its_line() {
        let unknown = read(&[("weekly.html", "<p>\n{{ subjct }}\n</p>")]).expect_err("it is wrong");
        assert!(unknown.len() == 1 && unknown[0].contains("weekly.html:2"), "{unknown:?}");
        let open = read(&[("weekly.txt", "a\nb\n{% if zh %}\n")]).expect_err("it is wrong");
        assert!(open[0].contains("weekly.txt:"), "{open:?}");
        let part = read(&[("cases.txt", "{% for it in casse %}{% endfor %}")]).expect_err("it is wrong");
        assert!(part.iter().all(|it| it.contains("cases.txt:1")), "{part:?}");
        let name = read(&[("nighty.txt", "")]).expect_err("it is wrong");
        assert!(name[0].contains("nighty.txt:1 no letter"), "{name:?}");
    }
}
