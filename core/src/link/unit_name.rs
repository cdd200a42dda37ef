//! Names of units: what is the same name, and which forms of it people write.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use crate::person_id::invisible;

/// A text without blanks and invisible characters, in compatibility form.
pub fn plain(raw: &str) -> String {
    raw.nfkc().filter(|it| !invisible(*it)).collect()
}

/// The name that a reader would call the same: widths, blanks, one form of brackets, no 中共 before and no （本级） behind.
pub fn normal(raw: &str) -> String {
    let bracket = |letter| match letter {
        '〔' | '【' | '[' | '{' | '﹙' | '〈' | '《' => '(',
        '〕' | '】' | ']' | '}' | '﹚' | '〉' | '》' => ')',
        '·' | '•' | '・' | '‧' => '·',
        _ => letter,
    };
    let text: String = plain(raw).chars().map(bracket).flat_map(char::to_uppercase).collect();
    let without_party = ["中国共产党", "中共"].iter().find_map(|it| text.strip_prefix(it)).unwrap_or(&text);
    let without_level = ["(本级)", "本级"].iter().find_map(|it| without_party.strip_suffix(it)).unwrap_or(without_party);
    let without_level = if without_level.is_empty() { &text } else { without_level };
    without_level.to_owned()
}

/// The cities, counties and districts that the register's names begin with, `嵊州市`: how the place itself is written, so that it
/// can be left out or put before. A beginning that only one unit has is part of its name.
pub struct Places(Vec<String>);

impl Places {
    /// The places that at least two of the normalised names begin with.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Places {
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for place in names.filter_map(place) {
            *counted.entry(place).or_default() += 1;
        }
        Places(counted.into_iter().filter(|(_, count)| *count >= 2).map(|(place, _)| place.to_owned()).collect())
    }

    /// The forms in which a normalised name may be written: without what stands above the place, without the place's name (市教育局),
    /// without its level (嵊州教育局), without both (教育局). The name itself comes first.
    pub fn forms(&self, name: &str) -> Vec<String> {
        let mut forms = vec![name.to_owned()];
        for place in &self.0 {
            let Some((short, level)) = place.char_indices().last().map(|(at, _)| place.split_at(at)) else { continue };
            if let Some(rest) = name.find(place.as_str()).filter(|at| above(&name[..*at])).map(|at| &name[at + place.len()..]) {
                forms.extend([format!("{place}{rest}"), format!("{level}{rest}"), format!("{short}{rest}")]);
                forms.extend((rest.chars().count() >= 3).then(|| rest.to_owned()));
            }
        }
        forms.retain(|it| it.chars().count() >= 3);
        forms
    }
}

/// Whether `head` is nothing, or a province and perhaps a prefecture: 浙江省绍兴市.
fn above(head: &str) -> bool {
    head.is_empty() || head.ends_with(['省', '市', '州', '盟', '区']) && (2..=12).contains(&head.chars().count())
}

fn place(name: &str) -> Option<&str> {
    let (at, level) = name.char_indices().skip(2).take(3).find(|(_, it)| matches!(it, '市' | '县' | '区' | '旗'))?;
    name.get(..at + level.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_reader_calls_the_same() {
        for (raw, same) in [
            ("嵊州市 教育局", "嵊州市教育局"),
            ("嵊州市教育局（本级）", "嵊州市教育局"),
            ("中共嵊州市委组织部", "嵊州市委组织部"),
            ("嵊州市第一中学【分校】", "嵊州市第一中学(分校)"),
            ("本级", "本级"),
            ("", ""),
        ] {
            assert_eq!(normal(raw), same, "{raw}");
        }
    }

    #[test]
    fn the_place_may_be_left_out() {
        let places = Places::of(["嵊州市教育局", "嵊州市卫生局", "三界镇小学", "城市管理局"].into_iter());
        assert_eq!(places.forms("嵊州市教育局"), ["嵊州市教育局", "嵊州市教育局", "市教育局", "嵊州教育局", "教育局"]);
        assert!(places.forms("浙江省绍兴市嵊州市教育局").contains(&"教育局".to_owned()));
        assert_eq!(places.forms("新昌县教育局"), ["新昌县教育局"], "another county's bureau is not ours");
        assert_eq!(places.forms("城市管理局"), ["城市管理局"]);
    }
}
