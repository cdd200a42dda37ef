//! Amounts in words, as Chinese papers write them so that nobody adds a digit.
//!
//! 《支付结算办法》附一《正确填写票据和结算凭证的基本规定》: 壹、贰、叁 … 元、角、分; 整 after 元 and 角; one 零 for zeros in between.

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
const PLACES: [&str; 4] = ["", "拾", "佰", "仟"];
const GROUPS: [&str; 5] = ["", "万", "亿", "万亿", "亿亿"];

/// 168032 fen as 壹仟陆佰捌拾元零叁角贰分.
pub fn words(fen: i64) -> String {
    let (yuan, jiao, rest) = (fen.unsigned_abs() / 100, fen.unsigned_abs() / 10 % 10, fen.unsigned_abs() % 10);
    let mut words = if fen < 0 { "负".to_owned() } else { String::new() };
    if yuan > 0 || (jiao, rest) == (0, 0) {
        words.push_str(&whole(yuan));
        words.push('元');
    }
    // A zero of the yuan or of the jiao before digits is read once.
    if yuan > 0 && (yuan.is_multiple_of(10) && jiao > 0 || jiao == 0 && rest > 0) {
        words.push('零');
    }
    if jiao > 0 {
        words.push(digit(jiao));
        words.push('角');
    }
    if rest > 0 {
        words.push(digit(rest));
        words.push('分');
    } else {
        words.push('整');
    }
    words
}

fn digit(it: u64) -> char {
    DIGITS[usize::try_from(it % 10).unwrap_or(0)]
}

fn whole(number: u64) -> String {
    if number == 0 {
        return DIGITS[0].to_string();
    }
    let groups: Vec<u64> = (0..GROUPS.len() as u32).map(|at| number / 10_000_u64.pow(at) % 10_000).collect();
    let mut words = String::new();
    let mut gap = false;
    for (at, group) in groups.iter().enumerate().rev() {
        if *group == 0 {
            gap = true;
            continue;
        }
        if !words.is_empty() && (gap || *group < 1000) {
            words.push(DIGITS[0]);
        }
        four(*group, &mut words);
        words.push_str(GROUPS[at]);
        gap = false;
    }
    words
}

/// One to four digits; zeros between them are read once, zeros at the end not at all.
fn four(group: u64, words: &mut String) {
    let (mut begun, mut gap) = (false, false);
    for place in (0..4_u32).rev() {
        let it = group / 10_u64.pow(place) % 10;
        if it == 0 {
            gap = begun;
            continue;
        }
        if gap {
            words.push(DIGITS[0]);
        }
        words.push(digit(it));
        words.push_str(PLACES[place as usize]);
        (begun, gap) = (true, false);
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn as_the_rule_for_vouchers_writes_them() {
        // The first five are the rule's own examples.
        for (fen, expected) in [
            (140_950, "壹仟肆佰零玖元伍角整"),
            (600_714, "陆仟零柒元壹角肆分"),
            (168_032, "壹仟陆佰捌拾元零叁角贰分"),
            (10_700_053, "壹拾万柒仟元零伍角叁分"),
            (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
            (32_504, "叁佰贰拾伍元零肆分"),
            (0, "零元整"),
            (5, "伍分"),
            (50, "伍角整"),
            (100, "壹元整"),
            (1_000_000_000_100, "壹佰亿零壹元整"),
            (-20_000, "负贰佰元整"),
        ] {
            assert_eq!(words(fen), expected, "{fen}");
        }
    }
}
