//! The `muster` command. `run.rs` is one night, top to bottom; this file only picks what to do.

mod allocator;
mod archive;
mod audit;
mod bench;
mod case;
mod cli;
mod clock;
mod commands;
mod config;
mod connect;
mod demo;
mod digest;
mod disk;
mod docs;
mod doctor;
mod dry;
mod dry_text;
mod explain;
mod feed;
mod files;
mod grid;
mod init;
mod judge;
mod key;
mod link;
mod look;
mod mail;
mod memory;
mod night;
mod notice;
mod page;
mod pefa;
mod people;
mod person;
mod process;
mod progress;
mod prove;
mod proved;
mod pull;
mod rejects;
mod reopen;
mod report;
mod retain;
mod rules;
mod run;
#[cfg(test)]
mod sample;
mod schedule;
mod score;
mod serve;
mod sheet;
mod shipped;
mod show;
mod status;
mod storage;
mod store;
mod summary;
mod table;
mod telemetry;
mod turn;
mod unit;
mod vault;
mod words;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{BenchWhat, Cli, Command, LinkWhat, LogArg};

#[tokio::main]
async fn main() -> ExitCode {
    allocator::give_back_large_pieces();
    let cli = Cli::parse();
    log(&cli);
    let say = commands::Say { lang: cli.lang, json: cli.json, progress: cli.progress };
    let done = match &cli.command {
        Command::Demo(args) => commands::demo(args, say).await,
        Command::Run(args) => commands::run(args, say).await,
        Command::Prove(args) => commands::prove(args, say).await,
        Command::Rules(args) => rules::rules(args, say).await,
        Command::Check(args) => commands::check(args, say).await,
        Command::Preview(args) => commands::preview(args, say).await,
        Command::Rejects(args) => commands::rejects(args, say).await,
        Command::Explain(args) => commands::explain(args, say).await,
        Command::Table(args) => table::table(args, say).await,
        Command::Person(args) => person::person(args, say).await,
        Command::Unit(args) => unit::unit(args, say).await,
        Command::Connect(args) => connect::connect(args, say).await,
        Command::Case { what } => case::case(what, say).await,
        Command::Notice(args) => notice::notice(args, say).await,
        Command::Judge { what } => judge::judge(what, say).await,
        Command::Feed { what } => feed::feed(what, say).await,
        Command::Mail { what } => mail::commands::mail(what, say).await,
        Command::Serve(args) => serve::serve(args, say).await,
        Command::Status(args) => status::status(args, say).await,
        Command::History(args) => status::history(args, say).await,
        Command::Pause(args) => status::pause(args, say).await,
        Command::Resume(args) => status::resume(args, say).await,
        Command::Rerun(args) => commands::rerun(args, say).await,
        Command::Backfill(args) => commands::backfill(args, say).await,
        Command::Doctor(args) => doctor::doctor(args, say).await,
        Command::Retain(args) => retain::retain(args, say).await,
        Command::Store { what } => storage::storage(what, say).await,
        Command::Report(args) => report::report(args, say).await,
        Command::Key { what } => key::key(what, say).await,
        Command::Audit { what } => audit::audit(what, say).await,
        Command::Init(args) => init::write(args, say).await,
        Command::Docs(args) => docs::print(args, say),
        Command::Link(args) => match &args.what {
            LinkWhat::Evaluate(args) => link::command(args, say),
            LinkWhat::Model => Ok(link::model()),
        },
        Command::Bench(args) => match &args.what {
            BenchWhat::Link { people, seed, set, out } => bench::link(*people, *seed, *set, out, say),
            BenchWhat::Night { people, months, out, memory_mib } => bench::night(*people, *months, out, *memory_mib, say).await,
            BenchWhat::Nights(args) => bench::nights::nights(args, say).await,
            BenchWhat::Pull(args) => bench::pull::pull(args, say).await,
            BenchWhat::PullOne(args) => bench::pull::pull_one(args, say).await,
        },
        Command::Completions { shell } => Ok(commands::completions(*shell)),
    };
    match done {
        Ok(code) => code.into(),
        Err(stop) => commands::told(stop, say).into(),
    }
}

/// Logs go to standard error, as text or as JSON; the daemon tells what it does, every other command only what goes wrong.
fn log(cli: &Cli) {
    let level = if matches!(cli.command, Command::Serve(_)) { "warn,muster=info" } else { "error" };
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(std::env::var("MUSTER_LOG").unwrap_or_else(|_| level.to_owned()));
    let told = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match cli.log {
        LogArg::Text => told.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogArg::Json => told.json().init(),
    }
}
