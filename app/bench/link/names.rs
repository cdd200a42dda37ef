//! Names of a large population: as many different ones as the country has, and as many namesakes.
//!
//! Surnames fall as 1/(k+5)^1.58 (the five commonest are 31.8 % of people, the hundred commonest 83 %). Of the characters of given
//! names 67 make up half, 487 nine tenths and some 1,800 all but the last hundredth, as counted in 32 million names (ngender, MIT).

use muster_core::name::sound;

use crate::demo::dice::{Dice, Wheel};

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏\
    邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严赖覃洪武莫孔裘竺俞楼骆屠邢商求茹应章柳祝童竹倪斯施蔚郦寿盛赏宣胥梅冉詹岳翟安常牛庄温欧尚易季华祁\
    兰翁纪向左凌甘符耿焦柯米卜包霍殷管游柴路车娄桂涂";
const COMMON: &str = "伟英芳秀丽明华文军建国平玉红海金春志兰永荣新林霞云燕敏静勇强艳娟涛超磊洋杰峰辉鹏飞波斌宇浩凯健俊帆鑫婷雪慧莉琴凤珍桂香梅莲清宏德成龙亮\
    小晓佳梦雨思嘉欣怡子一天泽瑞轩涵琪晨阳博";

/// Throws names.
pub struct Names {
    surnames: Vec<char>,
    surname: Wheel,
    given: Vec<char>,
    letter: Wheel,
    /// By syllable: the given-name characters that are read so.
    alike: Vec<Vec<char>>,
}

impl Names {
    /// The frequencies, ready to throw.
    pub fn new() -> Names {
        let mut surnames: Vec<char> = SURNAMES.chars().collect();
        let mut given: Vec<char> = COMMON.chars().collect();
        // The first level of GB 2312 is what people can read and type; taken in an order that is nobody's.
        let mut tail: Vec<char> = level_one();
        tail.sort_by_key(|it| u64::from(u32::from(*it)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 7);
        surnames.extend(tail.iter().filter(|it| !SURNAMES.contains(**it)).take(900));
        given.extend(tail.iter().filter(|it| !COMMON.contains(**it)).take(1700));
        let falling = |count: usize, shift: f64, power: f64| (0..count).map(move |k| (k as f64 + shift).powf(-power)).collect::<Vec<f64>>();
        let mut alike = vec![Vec::new(); 500];
        for letter in given.iter().take(900) {
            if let Some(syllable) = sound::syllable(*letter) {
                alike[usize::from(syllable)].push(*letter);
            }
        }
        Names {
            surname: Wheel::new(falling(surnames.len(), 5.0, 1.58)),
            letter: Wheel::new(falling(given.len(), 40.0, 1.55)),
            surnames,
            given,
            alike,
        }
    }

    /// A name.
    pub fn throw(&self, dice: &mut Dice) -> String {
        let surname = self.surnames[self.surname.spin(dice)];
        let mut name = String::from(surname);
        name.push(self.letter(dice));
        if !dice.chance(0.08) {
            name.push(self.letter(dice));
        }
        name
    }

    /// A character of given names.
    pub fn letter(&self, dice: &mut Dice) -> char {
        self.given[self.letter.spin(dice)]
    }

    /// Another character that sounds the same, if there is one.
    pub fn homophone(&self, dice: &mut Dice, letter: char) -> Option<char> {
        let alike = &self.alike[usize::from(sound::syllable(letter)?)];
        let others: Vec<char> = alike.iter().copied().filter(|it| *it != letter).collect();
        (!others.is_empty()).then(|| *dice.pick(&others))
    }
}

/// The 3,755 characters of the first level of GB 2312.
fn level_one() -> Vec<char> {
    let codes = (0xB0_u8..=0xD7).flat_map(|row| (0xA1_u8..=0xFE).map(move |cell| [row, cell]));
    codes
        .filter_map(|code| {
            let (text, _, wrong) = encoding_rs::GB18030.decode(&code);
            text.chars().next().filter(|it| !wrong && ('\u{4E00}'..='\u{9FA5}').contains(it))
        })
        .collect()
}
