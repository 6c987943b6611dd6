//! Runs the questions: one JSON line a figure on standard output, and the page `docs/benchmarks.md`.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    thread,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use wardline_benches::{
    APPENDS, Place, RELAY, durable_send, figure::Finding, machine::Header, relay_appends, report, revoking,
    scale::Scale,
};

/// How near Wardline is to the limit
#[derive(Debug, Parser)]
#[command(name = "benchmarks")]
struct Arguments {
    /// Take fewer samples: two minutes
    #[arg(long)]
    quick: bool,
    /// Only the questions whose name contains this: durable_send, relay_appends, revoking
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// Write the page here [default: docs/benchmarks.md; nowhere with --only]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the JSON lines here too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure on the file system of this folder [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == RELAY).is_some() {
        return be_a_relay(arguments.collect());
    }
    let done = match arguments.next_if(|first| first == APPENDS) {
        Some(_) => measure_appends(arguments.next()),
        None => run(&Arguments::parse()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The relay that is measured. One that serves ends with whoever started it.
fn be_a_relay(arguments: Vec<std::ffi::OsString>) -> ExitCode {
    if arguments.first().is_some_and(|first| first == "serve") {
        thread::spawn(|| {
            // Nothing is ever written there: it ends when the other side is gone.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
    }
    wardline_server::command::main(std::iter::once("wardline-relay".into()).chain(arguments))
}

/// Measures appends in process, as the first process asks for it.
fn measure_appends(work: Option<std::ffi::OsString>) -> Result<()> {
    let work = work.and_then(|work| work.into_string().ok()).context("nothing to measure")?;
    let work = serde_json::from_str(&work)?;
    let rates = runtime()?.block_on(relay_appends::measure(&work))?;
    say(&serde_json::to_string(&rates)?)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn run(arguments: &Arguments) -> Result<()> {
    let scale = if arguments.quick { Scale::quick() } else { Scale::full() };
    let place = Place {
        program: std::env::current_exe()?,
        folder: arguments.folder.clone().unwrap_or_else(std::env::temp_dir),
    };
    let header = Header::of_this_run(command(arguments), &place.folder);
    let mut lines = vec![header.to_json()];
    say(&lines[0])?;
    let runtime = runtime()?;
    let mut findings = Vec::new();
    let wanted = |name: &str| arguments.only.as_ref().is_none_or(|word| name.contains(word.as_str()));
    let mut keep = |finding: Finding| -> Result<()> {
        for figure in &finding.figures {
            say(&figure.to_json())?;
            lines.push(figure.to_json());
        }
        findings.push(finding);
        Ok(())
    };
    if wanted("durable_send") {
        eprintln!("durable_send …");
        keep(runtime.block_on(durable_send::run(scale, &place))?)?;
    }
    if wanted("relay_appends") {
        eprintln!("relay_appends …");
        keep(runtime.block_on(relay_appends::run(scale, &place))?)?;
    }
    if wanted("revoking") {
        eprintln!("revoking …");
        keep(runtime.block_on(revoking::run(scale, &place))?)?;
    }
    if let Some(file) = &arguments.json {
        fs::write(file, lines.join("\n") + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    let page = PathBuf::from("docs/benchmarks.md");
    if let Some(file) = arguments.out.as_ref().or(arguments.only.is_none().then_some(&page)) {
        fs::write(file, report::page(&header, &findings))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

/// The command as somebody else would repeat it.
fn command(arguments: &Arguments) -> String {
    let mut command = "cargo run --release -p wardline-benches --bin benchmarks --".to_owned();
    if arguments.quick {
        command.push_str(" --quick");
    }
    if let Some(word) = &arguments.only {
        command.push_str(" --only ");
        command.push_str(word);
    }
    if let Some(file) = &arguments.out {
        command.push_str(" --out ");
        command.push_str(&file.to_string_lossy());
    }
    command
}

fn say(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
