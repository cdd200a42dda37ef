//! Names with the frequencies of the country: the five commonest surnames cover 30.8 % of people, the hundred commonest 85.9 %, and
//! more than nine names in ten have three characters.
//!
//! The order of the surnames and these three shares were published by the Ministry of Public Security (2020 and 2021 reports on
//! names). The characters of given names are a short list in order of familiarity; the fall of their weights is ours.

use super::calendar::Sex;
use super::dice::{Dice, Wheel};

/// Shares of the five commonest, in percent; together 30.8.
const FIRST_FIVE: [f64; 5] = [7.17, 7.06, 6.74, 5.10, 4.73];

const HUNDRED: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏\
    邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严赖覃洪武莫孔";

/// The tail begins with the surnames of the place, then the rest of the country and the compound surnames.
const TAIL: &str = "裘竺俞楼骆屠邢商求茹应章柳祝童竹倪斯施蔚郦寿盛赏宣胥梅冉詹岳翟安常牛庄温欧尚易季华祁兰翁纪向左凌甘符耿焦柯米卜包霍殷管游柴路车娄桂涂全\
    裴谷伍房聂颜鲍毕司阮艾鲁解龙古蓝卓丛佟隋晏费阳谌计隆桑宗闻关涂苗宁强申仇蒲区饶卫刁瞿封敖靳喻容池单褚匡边逄辛虞戚滕臧习占巫冷沙栗项连屈边简银支过相冼";

const COMPOUND: [&str; 10] = ["欧阳", "上官", "司徒", "诸葛", "皇甫", "司马", "夏侯", "慕容", "令狐", "尉迟"];

const MEN_BORN_BEFORE: &str = "建国明华军平林文新志永海生荣江东卫伟民光兴德福忠良根法祥水柏松金木土火炳钱仁义信成才元庆春夏秋冬贵宝昌盛茂森泉源长富大友安全方正达泰权\
    球岳山川兵勇强刚毅杰雄豪云龙飞虎";
const MEN_BORN_SINCE: &str = "杰浩宇晨轩俊涛鑫峰磊鹏超斌凯波辉亮健佳嘉文天翔泽瑞逸博彬琦楠枫阳旭晓烨锋炜睿哲航帆栋梁立恒一凡子豪皓钧铭诚诺程远骏翰铠承景煜昊霖政\
    扬威奇威鸣越益乐迪";
const WOMEN_BORN_BEFORE: &str =
    "英芳秀珍兰凤菊美爱玉华月娟香桂莲芬素琴红霞云春花梅仙娥亚金银彩娣妹丽水群巧雅琳惠秋萍文铃荷凤慧君平敏淑贞静珠瑶仁飞苏燕青玲翠";
const WOMEN_BORN_SINCE: &str = "婷佳雨欣怡静丽娜燕敏洁琳莉倩雪莹颖慧晶妍梦瑶璐珊薇露晓嘉琪琦诗涵雯思依可心悦芸蕾菲萌彤茜蓉馨艺雅丹娇园媛楠宁冰璇淼珂奕舒曼妮盈露\
    菁菡翎苗笑彦乐";

/// Characters that some system or other could not write.
pub const RARE: &str = "䶮喆玥珺旻赟璟堃祎翀垚昇樑劼彧贇璠骉犇玘燚湉暘頔珮韡";

/// What a system without the character wrote instead.
const SUBSTITUTE: [(char, char); 10] = [
    ('䶮', '龑'),
    ('喆', '哲'),
    ('堃', '坤'),
    ('昇', '升'),
    ('樑', '梁'),
    ('贇', '赟'),
    ('珮', '佩'),
    ('暘', '旸'),
    ('祎', '袆'),
    ('翀', '冲'),
];

const TRANSLITERATED: [&str; 10] = [
    "阿卜杜拉·买买提",
    "古丽娜尔·艾山",
    "艾力·吐尔逊",
    "热依汗·阿不都",
    "帕提古丽·玉素甫",
    "买买提·依明",
    "迪丽拜尔·库尔班",
    "扎西·多吉",
    "阿依古丽·热合曼",
    "玉山江·赛买提",
];

/// Throws names.
#[derive(Debug)]
pub struct Names {
    surnames: Vec<String>,
    surname: Wheel,
    given: [(Vec<char>, Wheel); 4],
    rare: Vec<char>,
}

impl Names {
    /// The frequencies, ready to throw.
    pub fn new() -> Names {
        let hundred: Vec<String> = HUNDRED.chars().map(String::from).collect();
        let mut tail: Vec<String> = TAIL.chars().map(String::from).filter(|it| !hundred.contains(it)).collect();
        tail.sort_by_key(|it| TAIL.find(it.as_str()));
        tail.dedup();
        let rest = falling(hundred.len() - 5, 6.0, 0.85, 85.9 - FIRST_FIVE.iter().sum::<f64>());
        let singles = falling(tail.len(), 30.0, 0.9, 100.0 - 85.9 - 0.15);
        let compounds = falling(COMPOUND.len(), 3.0, 1.0, 0.15);
        let surname = Wheel::new(FIRST_FIVE.into_iter().chain(rest).chain(singles).chain(compounds));
        let surnames = hundred.into_iter().chain(tail).chain(COMPOUND.map(String::from)).collect();
        let given = [
            (MEN_BORN_BEFORE, WOMEN_BORN_SINCE),
            (MEN_BORN_SINCE, MEN_BORN_BEFORE),
            (WOMEN_BORN_BEFORE, MEN_BORN_SINCE),
            (WOMEN_BORN_SINCE, WOMEN_BORN_BEFORE),
        ]
        .map(|(own, other)| given(own, other));
        Names { surnames, surname, given, rare: RARE.chars().collect() }
    }

    /// A name such as people of that sex and birth year bear.
    pub fn throw(&self, dice: &mut Dice, sex: Sex, born: i32) -> String {
        let mut name = self.surnames[self.surname.spin(dice)].clone();
        let since = born + (dice.below(16) as i32) - 8 >= 1978;
        let (letters, wheel) = &self.given[usize::from(sex == Sex::Female) * 2 + usize::from(since)];
        let first = letters[wheel.spin(dice)];
        if dice.chance(0.075) {
            name.push(first);
            return name;
        }
        let second = if dice.chance(0.0035) { *dice.pick(&self.rare) } else { letters[wheel.spin(dice)] };
        name.push(first);
        name.push(second);
        name
    }

    /// A transliterated name, with its dot.
    pub fn transliterated(dice: &mut Dice) -> &'static str {
        TRANSLITERATED[dice.below(TRANSLITERATED.len())]
    }
}

/// Weights 1/(k+shift)^power, scaled to a sum.
fn falling(count: usize, shift: f64, power: f64, sum: f64) -> Vec<f64> {
    let weights: Vec<f64> = (0..count).map(|k| (k as f64 + shift).powf(-power)).collect();
    let all: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight * sum / all).collect()
}

/// The characters of one sex and generation, and behind them, seldom, those of another.
fn given(own: &str, other: &str) -> (Vec<char>, Wheel) {
    let mut letters: Vec<char> = own.chars().collect();
    let own_count = letters.len();
    letters.extend(other.chars());
    let weights =
        falling(own_count, 9.0, 1.0, 92.0).into_iter().chain(falling(letters.len() - own_count, 20.0, 1.0, 8.0)).collect::<Vec<_>>();
    (letters, Wheel::new(weights))
}

/// The same name as a system without rare characters would write it, or with another dot; None when nothing in it is hard.
pub fn variant(name: &str) -> Option<String> {
    if name.contains('·') {
        return Some(name.replace('·', "."));
    }
    let hard = SUBSTITUTE.iter().find(|(rare, _)| name.contains(*rare))?;
    Some(name.replace(hard.0, &hard.1.to_string()))
}

/// The same name after somebody typed another character of the same sound.
pub fn misheard(name: &str) -> Option<String> {
    const PAIRS: [(char, char); 16] = [
        ('伟', '玮'),
        ('英', '瑛'),
        ('芳', '方'),
        ('静', '婧'),
        ('峰', '锋'),
        ('霞', '侠'),
        ('娟', '涓'),
        ('华', '桦'),
        ('平', '萍'),
        ('琴', '芹'),
        ('燕', '艳'),
        ('波', '博'),
        ('军', '君'),
        ('晓', '小'),
        ('丽', '莉'),
        ('明', '铭'),
    ];
    let mut letters: Vec<char> = name.chars().collect();
    let (at, letter) = (1..letters.len()).find_map(|at| PAIRS.iter().find(|(from, _)| letters[at] == *from).map(|(_, to)| (at, *to)))?;
    letters[at] = letter;
    Some(letters.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::super::dice::Stream;
    use super::*;

    #[test]
    fn names_are_as_common_as_in_the_country() {
        assert_eq!(HUNDRED.chars().count(), 100);
        let names = Names::new();
        let mut dice = Dice::new(1, Stream::People);
        let thrown: Vec<String> =
            (0..20_000).map(|n| names.throw(&mut dice, if n % 2 == 0 { Sex::Male } else { Sex::Female }, 1965 + n % 35)).collect();
        let share = |which: &dyn Fn(&String) -> bool| thrown.iter().filter(|it| which(it)).count() as f64 / 200.0;
        let five = share(&|it| "王李张刘陈".contains(&it[..3]));
        assert!((five - 30.8).abs() < 1.2, "{five}");
        let hundred = share(&|it| HUNDRED.contains(&it[..3]));
        assert!((hundred - 85.9).abs() < 1.0, "{hundred}");
        assert!(share(&|it| it.chars().count() == 3) > 90.0);
        let rare = share(&|it| it.chars().any(|letter| RARE.contains(letter)));
        assert!((0.15..0.6).contains(&rare), "{rare}");
    }

    #[test]
    fn every_character_can_be_written_in_gb18030() {
        for text in [HUNDRED, TAIL, RARE, MEN_BORN_BEFORE, MEN_BORN_SINCE, WOMEN_BORN_BEFORE, WOMEN_BORN_SINCE] {
            assert!(!encoding_rs::GB18030.encode(text).2);
        }
        assert_eq!(variant("王䶮").as_deref(), Some("王龑"));
        assert_eq!(misheard("张伟").as_deref(), Some("张玮"));
    }
}
