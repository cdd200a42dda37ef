use proptest::prelude::*;

use super::repair::candidates;
use super::*;

const SAMPLES: [&str; 6] =
    ["11010519491231002X", "330683198001011234", "330623197505120021", "330681196812310413", "440524188001010014", "33062320001010002X"];

/// A valid number that begins like `text`.
fn sample(text: &str) -> PersonId {
    PersonId::from_body(text[..17].parse().expect("samples are digits")).expect("samples are valid")
}

fn check(raw: &str, state: State, repairs: &str) {
    let reading = classify(raw);
    assert_eq!(reading.state, state, "{raw:?}");
    assert_eq!(reading.repairs.words().unwrap_or_default(), repairs, "{raw:?}");
    assert_eq!(reading.id.is_some(), matches!(state, State::Valid18 | State::Valid15), "{raw:?}");
}

#[test]
fn the_standard_s_own_example_is_valid() {
    let id = PersonId::parse("11010519491231002X").expect("the example of GB 11643");
    assert_eq!((id.area(), id.sequence(), id.sex()), (110_105, 2, "female"));
    assert_eq!(id.birth(), NaiveDate::from_ymd_opt(1949, 12, 31).expect("a day"));
    assert_eq!(id.to_string(), "11010519491231002X");
}

#[test]
fn texts_are_what_they_look_like() {
    check("11010519491231002X", State::Valid18, "");
    check(" 11010519491231002x ", State::Valid18, "blanks lower-x");
    check("'110105194912310\u{200B}02X", State::Valid18, "blanks apostrophe");
    check("１１０１０５１９４９１２３１００２Ｘ", State::Valid18, "full-width");
    check("11010519491231002×", State::Valid18, "cross-to-x");
    check("11010519491231002*", State::Valid18, "cross-to-x");
    check("11O1O519491231002X", State::Valid18, "letters");
    check("l1010519491231002X", State::Valid18, "letters");
    check("110105491231002", State::Valid15, "15-to-18");
    check("110105194912310021", State::Checksum, "");
    check("990105194912310021", State::Checksum, "");
    check("110105194913310021", State::Date, "");
    check("110105491331002", State::Date, "");
    check("1101051949123100", State::Length, "");
    check("1101051949A231002X", State::Charset, "");
    check("110105194912310000", State::DamagedExcel, "");
    check("1.10105E+17", State::DamagedExcel, "");
    check("110105********002X", State::Masked, "");
    check("110***********002X", State::Masked, "");
    check("110105XXXXXXXX0021", State::Masked, "");
    check("111111111111111111", State::Placeholder, "");
    check("无", State::Placeholder, "");
    check("000000000000000000", State::Placeholder, "");
    check("E12345678", State::OtherDocument, "");
    check("H0123456(7)", State::OtherDocument, "");
    check("CHN110101199001", State::OtherDocument, "");
    check("军字第1234567号", State::OtherDocument, "");
    check("", State::Missing, "");
    check(" \u{3000}\u{00A0}", State::Missing, "blanks");
}

#[test]
fn every_single_replacement_is_caught_and_can_be_undone() {
    for text in SAMPLES {
        let id = sample(text);
        let right = id.to_string();
        for at in 0..18 {
            for digit in "0123456789X".chars().filter(|it| at == 17 || *it != 'X') {
                let mut wrong: Vec<char> = right.chars().collect();
                wrong[at] = digit;
                let wrong: String = wrong.into_iter().collect();
                if wrong != right {
                    assert_eq!(PersonId::parse(&wrong), None, "{wrong}");
                    assert!(candidates(&wrong).contains(&(id, Repairs::REPLACED)), "{wrong}");
                }
            }
        }
    }
}

#[test]
fn every_exchange_of_neighbours_is_caught_and_can_be_undone() {
    for text in SAMPLES {
        let id = sample(text);
        let right: Vec<char> = id.to_string().chars().collect();
        for at in 0..17 {
            let mut wrong = right.clone();
            wrong.swap(at, at + 1);
            let wrong: String = wrong.into_iter().collect();
            if wrong != id.to_string() {
                assert_eq!(PersonId::parse(&wrong), None, "{wrong}");
                assert!(candidates(&wrong).iter().any(|(it, _)| *it == id), "{wrong}");
            }
        }
    }
}

#[test]
fn a_lost_and_an_extra_digit_can_be_undone() {
    for text in SAMPLES {
        let id = sample(text);
        let right = id.to_string();
        for at in 0..18 {
            let short = format!("{}{}", &right[..at], &right[at + 1..]);
            assert!(candidates(&short).iter().any(|(it, _)| *it == id), "{short}");
            let long = format!("{}7{}", &right[..at], &right[at..]);
            assert!(candidates(&long).iter().any(|(it, _)| *it == id), "{long}");
        }
    }
}

#[test]
fn the_old_form_comes_back_whole() {
    for text in SAMPLES {
        let id = sample(text);
        let Some(short) = id.short() else { continue };
        assert_eq!(PersonId::parse_15(&format!("{short:015}")), Some(id));
    }
    assert_eq!(sample("44052418800101001").short(), None);
    assert_eq!(sample("33062320001010002").short(), None);
}

proptest! {
    #[test]
    fn no_text_panics(raw in "\\PC*") {
        let cleaned = clean(&raw).into_owned();
        prop_assert_eq!(clean(&cleaned), cleaned.as_str(), "cleaning twice changes nothing");
        let reading = classify(&raw);
        prop_assert_eq!(reading.state, classify(&cleaned).state);
        candidates(&raw);
        day_of(&raw);
        crate::mask::id_number(&raw);
    }

    #[test]
    fn numbers_read_as_they_are_written(area in 110_000u64..160_000, day in 0u32..50_000, sequence in 0u64..1000) {
        let day = NaiveDate::from_ymd_opt(1900, 1, 1).expect("a day") + chrono::Days::new(u64::from(day));
        let body = (area * 100_000_000 + day.format("%Y%m%d").to_string().parse::<u64>().expect("digits")) * 1000 + sequence;
        let id = PersonId::from_body(body).expect("northern provinces exist");
        prop_assert_eq!(PersonId::parse(&id.to_string()), Some(id));
        prop_assert_eq!(id.birth(), day);
        prop_assert_eq!(day_of(&id.to_string()), Some(day));
    }
}
