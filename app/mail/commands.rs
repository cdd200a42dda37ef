//! `muster mail`: look at a letter, try the way, see what waits, send it.

use std::fmt::Write;
use std::time::SystemTime;

use serde::Serialize;

use super::bounce::{self, Found};
use super::kind::Kind;
use super::post::{Post, Sheet};
use super::send::{Delivered, deliver, deliver_of};
use super::settings::MailSettings;
use super::{Letter, Wanted, alarm, history, letters};
use crate::cli::{ConfigArg, MailOutboxArgs, MailPreviewArgs, MailRetryArgs, MailTestArgs, MailWhat};
use crate::clock;
use crate::commands::{self, Code, Done, Say, read};
use crate::config::City;
use crate::files;
use crate::run::Stop;
use crate::store::Store;
use crate::store::bounces::Bounced;
use crate::store::outbox::{Queued, Sent};
use crate::words::{Lang, pad};

/// `muster mail …`.
pub async fn mail(what: &MailWhat, say: Say) -> Done {
    match what {
        MailWhat::Preview(args) => preview(args, say).await,
        MailWhat::Test(args) => test(args, say).await,
        MailWhat::Outbox(args) => outbox(args, say).await,
        MailWhat::Retry(args) => retry(args, say).await,
        MailWhat::Bounces(args) => bounces(args, say).await,
        MailWhat::Send(args) => {
            let city = read(&args.config.config)?;
            let kind = args.kind.as_deref().and_then(Kind::read);
            let delivered = deliver_of(kind, &Store::of(&city).await?, &city, configured(&city, say)?).await?;
            say.print(&delivered, || delivered_text(&delivered, say.lang));
            if !delivered.all() {
                let Delivered { deferred, parked, trouble, .. } = &delivered;
                tracing::error!(deferred, parked, trouble, "not every letter has gone");
            }
            Ok(if delivered.all() { Code::Fine } else { Code::Defects })
        }
    }
}

fn configured(city: &City, say: Say) -> Result<&MailSettings, Stop> {
    let none = say.lang.pick("没有配置发信：在 muster.toml 中加入 [mail]", "no mail is configured: add [mail] to muster.toml");
    city.mail.as_ref().ok_or_else(|| Stop::Usage(none.to_owned()))
}

/// What the letters of a night are, made anew; nothing is queued.
async fn preview(args: &MailPreviewArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    configured(&city, say)?;
    let store = Store::of(&city).await?;
    let kind = args.kind.as_deref().and_then(Kind::read);
    let mut letters =
        if kind == Some(Kind::Alarm) { alarm::all(&city, &store).await? } else { of_a_night(&city, &store, args, kind, say).await? };
    if let Some(reader) = &args.reader {
        letters.retain(|it| &it.reader == reader);
    }
    if let (Some(folder), false) = (&args.html, letters.is_empty()) {
        files::private_folder(folder)?;
        for it in &letters {
            std::fs::write(folder.join(format!("{}.{}.html", it.kind.word(), it.reader)), &it.html)?;
        }
    }
    if letters.is_empty() {
        let none = say.lang.pick(
            "没有这样的信；部门文件的 reviewers、people.toml 的人员与 [mail] operators 是收件人",
            "there is no such letter; reviewers of the department files, people of people.toml and operators of [mail] get letters",
        );
        return Err(Stop::Usage(none.to_owned()));
    }
    say.print(&letters, || letters.iter().map(|it| letter_text(it, say.lang)).collect());
    Ok(Code::Fine)
}

async fn of_a_night(city: &City, store: &Store, args: &MailPreviewArgs, kind: Option<Kind>, say: Say) -> Result<Vec<Letter>, Stop> {
    let night = match args.night {
        Some(night) => night,
        None => commands::latest(store, say).await?,
    };
    let gone = say.lang.pick("这一夜的文件已不在", "the files of this night are no longer there");
    let told = city.archive()?.told(night).map_err(|err| Stop::Trouble(err.to_string()))?;
    let told = told.ok_or_else(|| Stop::Usage(format!("{night}: {gone}")))?;
    let wanted = kind.map_or(Wanted::Due, Wanted::Kind);
    let mut letters = letters(city, &told, &history(city, store, night, wanted).await?, wanted)?;
    letters.retain(|it| kind.is_some() || !it.only_corrects);
    Ok(letters)
}

fn letter_text(it: &Letter, lang: Lang) -> String {
    let head = lang.pick(["收件", "主题"], ["to", "subject"]);
    format!("\n  {} {} <{}>\n  {} {}\n  {}\n{}\n", head[0], it.reader, it.address, head[1], it.subject, "─".repeat(72), it.plain.trim_end())
}

/// What `muster mail test` tells.
#[derive(Serialize)]
struct Tested {
    to: String,
    taken: bool,
    answer: String,
}

async fn test(args: &MailTestArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let settings = configured(&city, say)?;
    let post = Post::new(settings).map_err(Stop::Trouble)?;
    let now = clock::now();
    let subject = say.lang.pick("【编制核对】发信测试", "[muster] a test");
    let plain = say.lang.pick("这是一封测试邮件：收到即表示发信配置可用。\n", "This is a test: if you read it, mail works.\n");
    let html = format!("<p>{}</p>", plain.trim_end());
    let id = format!("test.{}.{}@{}", now.replace([':', '-'], ""), std::process::id(), settings.domain());
    let (at, certificate) = (SystemTime::from(clock::instant()), settings.certificates.of("", &args.to));
    let sheet = Sheet {
        message_id: &id,
        to: &args.to,
        subject,
        plain,
        html: &html,
        at,
        certificate,
        thread: None,
        unsubscribe: None,
        enclosure: None,
    };
    let (taken, answer) = match post.send(&sheet).await {
        Sent::Taken(answer) => (true, answer),
        Sent::Later(answer) | Sent::Refused(answer) | Sent::Shut(answer) => (false, answer),
    };
    let tested = Tested { to: args.to.clone(), taken, answer };
    say.print(&tested, || {
        let (mark, word) = if taken {
            ("✓", say.lang.pick("服务器已接收", "the server took it"))
        } else {
            ("✗", say.lang.pick("未发出", "not sent"))
        };
        format!("  {mark} {word}: {}\n", tested.answer)
    });
    Ok(if taken { Code::Fine } else { Code::Defects })
}

async fn outbox(args: &MailOutboxArgs, say: Say) -> Done {
    let store = Store::of(&read(&args.config.config)?).await?;
    let letters = store.letters(args.state.as_deref(), args.rows).await?;
    say.print(&letters, || letters.iter().map(|it| line(it, say.lang)).collect::<String>() + &sum(letters.len(), say.lang));
    Ok(Code::Fine)
}

/// What `muster mail bounces` tells.
#[derive(Serialize)]
struct BouncesTold {
    found: Found,
    bounced: Vec<Bounced>,
}

async fn bounces(args: &ConfigArg, say: Say) -> Done {
    let city = read(&args.config)?;
    let settings = configured(&city, say)?;
    if settings.file.bounces.is_none() {
        let none = say.lang.pick(
            "没有配置退信目录：在 [mail] 中加入 bounces = { maildir = \"…\" }",
            "no folder of bounces is configured: add bounces = { maildir = \"…\" } to [mail]",
        );
        return Err(Stop::Usage(none.to_owned()));
    }
    let store = Store::of(&city).await?;
    let found = bounce::tell(&city, &store, settings, clock::today()).await?;
    deliver(&store, &city, settings).await?;
    let told = BouncesTold { found, bounced: bounce::standing(&city, &store, clock::today()).await? };
    say.print(&told, || {
        let lines: String = told.bounced.iter().map(|it| format!("    ✗ {}\n", bounce::line(it, say.lang))).collect();
        let none = if lines.is_empty() { say.lang.pick("  近期没有退信\n", "  nothing came back of late\n") } else { "" };
        bounce::found_text(&told.found, say.lang) + &lines + none
    });
    Ok(if told.bounced.is_empty() && told.found.trouble.is_none() { Code::Fine } else { Code::Defects })
}

fn sum(letters: usize, lang: Lang) -> String {
    lang.pick(format!("  共 {letters} 封\n"), format!("  {letters} letters\n"))
}

/// What the state of a letter is called.
pub fn state_word(state: &str, lang: Lang) -> &'static str {
    match state {
        "held" => lang.pick("‖ 定时", "‖ held"),
        "queued" => lang.pick("… 待发", "… queued"),
        "deferred" => lang.pick("↻ 稍后再发", "↻ deferred"),
        "sent" => lang.pick("✓ 已发", "✓ sent"),
        "parked" => lang.pick("✗ 已搁置", "✗ parked"),
        _ => lang.pick("– 已替换", "– superseded"),
    }
}

fn line(it: &Queued, lang: Lang) -> String {
    let held = it.state == "queued" && it.due_at > clock::now();
    let state = state_word(if held { "held" } else { &it.state }, lang);
    let mut out = String::new();
    let _ = writeln!(out, "  {} {} {} {} {}", pad(&it.id.to_string(), 5), it.night, pad(state, 14), pad(&it.reader, 18), it.subject);
    if let Some(answer) = it.answer.as_ref().filter(|_| it.state != "sent" && it.state != "superseded") {
        let next = if it.state == "deferred" { format!("{} {} · ", lang.pick("下次", "next"), it.next_at) } else { String::new() };
        let _ = writeln!(
            out,
            "        {next}{}: {answer}",
            lang.pick(format!("试过 {} 次", it.attempts), format!("tried {} times", it.attempts))
        );
    }
    if held {
        let _ = writeln!(out, "        {} {}", lang.pick("不早于", "not before"), it.due_at);
    }
    if let Some(bounced) = &it.bounced {
        let _ = writeln!(out, "        ✗ {}", bounce::line(bounced, lang));
    }
    out
}

async fn retry(args: &MailRetryArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let due = store.retry_letters(args.letter, &clock::now()).await?;
    let delivered = deliver(&store, &city, configured(&city, say)?).await?;
    say.print(&delivered, || {
        say.lang.pick(format!("  {due} 封重新排队\n"), format!("  {due} letters queued again\n")) + &delivered_text(&delivered, say.lang)
    });
    Ok(if delivered.all() { Code::Fine } else { Code::Defects })
}

/// What came of a delivery, in a line or two.
pub fn delivered_text(it: &Delivered, lang: Lang) -> String {
    let Delivered { sent, deferred, parked, trouble } = it;
    let mut out = match lang {
        Lang::Zh => format!("  邮件：已发 {sent}，稍后再发 {deferred}，搁置 {parked}\n"),
        Lang::En => format!("  mail: {sent} sent, {deferred} deferred, {parked} parked\n"),
    };
    if let Some(trouble) = trouble {
        out.push_str(&format!("    ✗ {trouble}\n    {} muster mail outbox\n", lang.pick("查看", "see")));
    }
    out
}
