//! Traditional and variant characters as they turn up in names, folded to the form in common use.

use std::sync::LazyLock;

/// The character in common use for `letter`; itself if none is known.
pub fn fold(letter: char) -> char {
    let at = u32::from(letter).wrapping_sub(FIRST) as usize;
    COMMON.get(at).copied().filter(|it| *it != 0).and_then(|it| char::from_u32(u32::from(it))).unwrap_or(letter)
}

const FIRST: u32 = 0x4E00;

static COMMON: LazyLock<Box<[u16]>> = LazyLock::new(|| {
    let mut common = vec![0; 0x9FFF - FIRST as usize + 1];
    // Ours come last and win; what they fold to stays as it is.
    let kept: Vec<char> = pairs(PAIRS).map(|it| it.1).collect();
    for (variant, form) in pairs(TRADITIONAL).filter(|it| !kept.contains(&it.0)).chain(pairs(PAIRS)) {
        if let (Some(at), Ok(form)) = (place(variant), u16::try_from(u32::from(form))) {
            common[at] = form;
        }
    }
    for at in 0..common.len() {
        while let Some(next) = char::from_u32(u32::from(common[at])).and_then(place).map(|it| common[it]).filter(|it| *it != 0) {
            common[at] = next;
        }
    }
    common.into_boxed_slice()
});

/// Traditional characters and their simplified forms, as OpenCC lists them (Apache-2.0), one form for each.
const TRADITIONAL: &str = include_str!("traditional.txt");

fn pairs(list: &str) -> impl Iterator<Item = (char, char)> {
    list.split_whitespace().filter_map(|pair| {
        let mut letters = pair.chars();
        letters.next().zip(letters.next())
    })
}

fn place(letter: char) -> Option<usize> {
    let at = u32::from(letter).checked_sub(FIRST)? as usize;
    (at <= 0x9FFF - FIRST as usize).then_some(at)
}

// Each pair: as some system writes it, as most write it. First surnames, then given names, then variants that are not traditional
// forms but are exchanged for lack of the rare character.
const PAIRS: &str = "
    買买 薩萨 張张 陳陈 劉刘 楊杨 黃黄 趙赵 吳吴 孫孙 馬马 羅罗 鄭郑 謝谢 韓韩 馮冯 鄧邓
    許许 蕭萧 蔣蒋 葉叶 閻阎 蘇苏 呂吕 盧卢 賈贾 鍾钟 鐘钟 薑姜 範范 譚谭 鄒邹
    陸陆 賴赖 龔龚 萬万 錢钱 湯汤 喬乔 賀贺 顧顾 龍龙 嚴严 溫温 蘭兰 駱骆 聶聂
    齊齐 魯鲁 倫伦 顏颜 塗涂 時时 畢毕 莊庄 單单 歐欧 陽阳 衛卫 項项 鮑鲍 費费
    華华 邊边 紀纪 應应 藍蓝 關关 樂乐 車车 廣广 遲迟 竇窦 連连 婁娄 闕阙 鄔邬
    談谈 諸诸 龐庞 閔闵 麥麦 欒栾 滿满 譙谯 酈郦 鄺邝 習习 暢畅 儲储 韋韦 雲云
    國国 偉伟 麗丽 傑杰 東东 紅红 軍军 強强 鳳凤 賢贤 義义 貴贵 寶宝 興兴 榮荣
    慶庆 艷艳 豔艳 豐丰 蓮莲 瓊琼 瑩莹 穎颖 靜静 勝胜 飛飞 鵬鹏 鴻鸿 嬌娇 媽妈
    婭娅 嫻娴 學学 寧宁 寬宽 審审 實实 導导 將将 專专 爾尔 尋寻 對对 島岛 峽峡
    嶺岭 嶽岳 巖岩 幹干 帥帅 師师 帶带 開开 闖闯 閏闰 間间 閣阁 雙双 難难 電电
    靈灵 頌颂 領领 頡颉 頻频 願愿 類类 風风 養养 馳驰 駿骏 騰腾 驍骁 驚惊 驥骥
    魚鱼 鮮鲜 鯤鲲 鳴鸣 鶯莺 鶴鹤 鷗鸥 鷹鹰 鸞鸾 黨党 齡龄 儀仪 億亿 優优 們们
    側侧 傳传 傾倾 僑侨 劍剑 劑剂 務务 動动 勛勋 勳勋 勵励 協协 廠厂 發发 後后
    從从 復复 徑径 徵征 憲宪 懷怀 戀恋 戰战 戲戏 戶户 揚扬 換换 搖摇 擁拥 擇择
    擴扩 攝摄 敵敌 數数 書书 會会 條条 來来 極极 構构 標标 樹树 橋桥 機机 檸柠
    權权 歡欢 歲岁 歷历 殘残 氣气 汎泛 決决 沖冲 況况 潔洁 淚泪 淨净 淵渊 渾浑
    準准 滄沧 漢汉 漣涟 潤润 潛潜 澤泽 濤涛 濟济 濱滨 灣湾 煒炜 煥焕 煙烟 熱热
    燁烨 燈灯 燦灿 燭烛 爍烁 愛爱 犖荦 獅狮 獨独 獻献 瑪玛 瑋玮 環环 瓏珑 璽玺
    當当 疊叠 盡尽 眾众 礦矿 碩硕 確确 禎祯 禮礼 禕祎 禪禅 穩稳 競竞 筆笔 節节
    築筑 簡简 糧粮 紋纹 純纯 紗纱 紹绍 終终 組组 絢绚 結结 給给 絲丝 經经 維维
    綱纲 網网 綠绿 綺绮 綿绵 緒绪 線线 編编 緣缘 縣县 績绩 織织 繡绣 繼继 續续
    纓缨 聖圣 聞闻 聯联 聰聪 聲声 肅肃 腦脑 臨临 舉举 舊旧 艦舰 藝艺 蒼苍 蔥葱
    蘆芦 處处 號号 蝦虾 螢萤 補补 裝装 製制 見见 覺觉 觀观 訓训 記记 設设 詠咏
    詩诗 誠诚 語语 調调 論论 諒谅 諾诺 謀谋 謙谦 譽誉 議议 護护 讓让 貝贝 財财
    貞贞 貢贡 貫贯 資资 賓宾 贊赞 贇赟 躍跃 軒轩 軟软 載载 輕轻 輝辉 輪轮
    輯辑 轉转 辯辩 達达 遠远 運运 過过 遙遥 適适 遷迁 選选 遺遗 還还 鄉乡 鄰邻
    醫医 釋释 針针 鈞钧 鈺钰 鉅巨 銀银 銘铭 銳锐 鋒锋 鋼钢 錄录 錦锦 鍵键 鎮镇
    鎧铠 鏡镜 鑄铸 鑑鉴 鑒鉴 鑰钥 長长 門门 陣阵 陰阴 際际 隨随 雋隽 雖虽 霧雾
    韻韵 響响 順顺 須须 預预 頤颐 題题 額额 餘余 館馆 體体 髮发 麼么 點点 齋斋
    龜龟 業业 為为 無无 個个 丟丢 亞亚 亙亘 亂乱 價价 兒儿 內内 兩两 剛刚 創创
    區区 嚮向 園园 圓圆 圖图 團团 執执 堅坚 場场 塊块 壯壮 壽寿 夢梦 夾夹 奧奥
    奮奋 婦妇 宮宫 屆届 層层 屬属 歸归 瀾澜 瀟潇 灝灏 煉炼 琺珐 畫画 異异 盤盘
    祿禄 種种 稱称 窮穷 緯纬 纖纤 羨羡 翹翘 蕓芸 薈荟 蘊蕴 虛虚 袞衮 詢询 詳详
    誌志 謹谨 讚赞 趨趋 轍辙 邁迈 鄲郸 釗钊 鋭锐 鎔镕 鏗铿 閱阅 闊阔 隴陇 霽霁
    靂雳 韜韬 頃顷 顯显 飄飘 駒驹 驊骅 騫骞 昇升 陞升 峯峰 喆哲 堃坤 羣群 勣绩
    玨珏 祐佑 祇只 甯宁 寗宁 蔴麻 靑青 淸清 晧皓 皜皓 暠皓 暎映 煕熙 煇辉 暉晖
    曉晓 旹时 叡睿 濬浚 鉄铁 鐡铁 鐵铁 崑昆 崐昆 崙仑 崘仑 嶌岛 姸妍 嫺娴 孃娘
    彥彦 産产 產产 衆众 竝并 並并 併并 裏里 裡里 粧妆 妝妆 搢晋 晉晋 簮簪 巗岩
    喦岩 嵒岩 涼凉 氷冰 濶阔 徳德 恵惠 悳德 恆恒 慤悫 愼慎 戱戏 攜携 敍叙 敘叙
    旂旗 昻昂 暁晓 曄晔 枬楠 柟楠 楳梅 槑梅 棊棋 碁棋 檾苘 汙污 沍冱 浄净 渓溪
    谿溪 滙汇 匯汇 彙汇 炤照 烱炯 熈熙 熒荧 瑠琉 瑯琅 瓌瑰 璿璇 璉琏 璣玑 甦苏
    疎疏 皁皂 眞真 砲炮 硃朱 禩祀 秔粳 稺稚 穉稚 竒奇 筍笋 箇个 糹丝 綉绣 緐繁
    縂总 總总 翺翱 耑端 聨联 脩修 臺台 檯台 颱台 舘馆 芲花 苐第 荘庄 菴庵 蒓莼
    蘂蕊 蕋蕊 藳稿 蘓苏 衹只 覇霸 覈核 訢欣 譿慧 豊丰 賛赞 赬赪 踴踊 週周 遊游
    郞郎 醖酝 鈎钩 鋕志 鍊炼 鏽锈 鑛矿 閒闲 闗关 陗峭 隣邻 雰氛 韮韭 頴颖 飮饮
    鷄鸡 雞鸡 黒黑 黙默 龢和 龝秋 秌秋
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_a_pair_and_leads_to_its_end() {
        for pair in PAIRS.split_whitespace() {
            let letters: Vec<char> = pair.chars().collect();
            assert_eq!(letters.len(), 2, "{pair}");
            assert_eq!(fold(letters[1]), letters[1], "{pair}: folding twice must change nothing");
            assert_eq!(fold(letters[0]), letters[1], "{pair}: two pairs disagree");
        }
    }
}
