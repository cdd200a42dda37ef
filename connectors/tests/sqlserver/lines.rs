//! The ways to the server: encryption, certificates, redirection, read intent.

use std::sync::atomic::Ordering;

use muster_connectors::{Place, open};

use crate::tds::{Certificate, Fault, Habits, LineHabit};
use crate::{Source, ask, column, opened, pulled, settings, with_pay};

#[tokio::test]
async fn every_encryption_reaches_a_server_that_offers_it() {
    let certificate = Certificate::new();
    let lines = [
        ("login", LineHabit::Login(certificate.clone())),
        ("required", LineHabit::Login(certificate.clone())),
        ("required", LineHabit::Required(certificate.clone())),
        ("login", LineHabit::Required(certificate.clone())),
        ("strict", LineHabit::Strict(certificate.clone())),
    ];
    for (encryption, line) in lines {
        let listener = with_pay(5_000, Habits { line, ..Habits::default() }).await;
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("ca.pem"), &certificate.pem).expect("to write the certificate");
        let settings = settings(root.path(), &listener, &format!("encryption = '{encryption}'\nca = 'ca.pem'"));
        let pieces = pulled(&*opened(root.path(), &settings), &ask("gzff")).await.unwrap_or_else(|it| panic!("{encryption}: {it}"));
        assert_eq!(column(&pieces, "_row").len(), 5_000, "{encryption}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_unless_it_is_trusted() {
    let certificate = Certificate::new();
    let listener = with_pay(3, Habits { line: LineHabit::Required(certificate), ..Habits::default() }).await;
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("ca.pem"), Certificate::new().pem).expect("to write another certificate");
    let other = settings(root.path(), &listener, "encryption = 'required'\nca = 'ca.pem'");
    let failure = opened(root.path(), &other).pull(&ask("gzff")).await.err().expect("nobody vouches");
    assert!(!failure.passing && failure.why.contains("TLS"), "{failure}");
    assert!(failure.hint.is_some_and(|it| it.contains("`ca`")));
    let steps = opened(root.path(), &other).examine(&[]).await;
    assert_eq!(steps.last().map(|it| it.name), Some("tls"), "{steps:?}");
    let trusting = Source::new(&listener, "encryption = 'required'\ntrust = true");
    assert_eq!(column(&pulled(&*trusting.connector, &ask("gzff")).await.expect("it is trusted"), "_row").len(), 3);
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_refused_when_encryption_is_asked() {
    let listener = with_pay(3, Habits::default()).await;
    let source = Source::new(&listener, "encryption = 'required'\ntrust = true");
    let failure = source.connector.pull(&ask("gzff")).await.err().expect("it does not encrypt");
    assert!(!failure.passing && failure.hint.is_some_and(|it| it.contains("`encryption`")));
}

#[tokio::test]
async fn a_server_may_send_us_to_another_one() {
    let first = with_pay(3, Habits::default()).await;
    let second = with_pay(7, Habits::default()).await;
    first.misbehave(Fault::Redirect(second.port));
    let source = Source::new(&first, "read_intent = true");
    assert_eq!(column(&pulled(&*source.connector, &ask("gzff")).await.expect("the other has it"), "_row").len(), 7);
    let intents = |it: &crate::tds::Listener| it.shared.read_intents.load(Ordering::SeqCst);
    assert_eq!((intents(&first), intents(&second)), (1, 1));
    let around = with_pay(1, Habits::default()).await;
    (0..3).for_each(|_| around.misbehave(Fault::Redirect(around.port)));
    assert!(Source::new(&around, "").connector.pull(&ask("gzff")).await.is_err());
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let refusal = |more: &str| {
        let place = Place { department: "hr".to_owned(), source: "archive".to_owned(), root: std::path::PathBuf::new() };
        let settings = format!("kind = 'sqlserver'\nhost = 'db'\ndatabase = 'hr'\nuser = 'reader'\npassword = {{ env = 'X' }}\n{more}");
        open(place, settings.parse().expect("TOML")).err().expect("a refusal")
    };
    assert!(refusal("encryption = 'requird'").contains("did you mean `required`?"));
    assert!(refusal("trust = true\nca = 'ca.pem'").contains("`ca`"));
    assert!(refusal("pasword = 'x'").contains("`password`"));
}
