//! The command line of `wardline-relay`: `init` and `serve`.
//!
//! Prints results on standard output (sentences, or with `--json` one object a line) and the log on standard
//! error. An error says what happened, why, and what to do now.

mod arguments;
mod init;
mod problem;
mod serve;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use self::arguments::{Arguments, Command};
use self::problem::Problem;

/// Runs `wardline-relay` with these arguments, the first being the program's name.
///
/// Makes a runtime of its own: call it from a thread that is in none. `serve` ends at SIGTERM or SIGINT.
///
/// Exits with 0 when done; 2 for a wrong command line; 65 for a bundle or file that does not verify; 69 when
/// an address is taken; 73 when something is there that must not be, or not there that must; 74 for the disk;
/// 75 when another process has the folder; 78 for a wrong configuration; 70 for a defect.
pub fn main<I, T>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are "errors" that print on standard output. A closed pipe is no reason to fail.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let json = arguments.json;
    let done = match arguments.command {
        Command::Init(arguments) => init::execute(&arguments, json),
        Command::Serve(arguments) => serve::execute(arguments, json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => problem.print(json),
    }
}

/// Prints one line of results and hands it on at once: whoever waits for it reads a pipe.
fn say(line: &str) -> Result<(), Problem> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|source| Problem::output(&source))
}

const USAGE: u8 = 2;
