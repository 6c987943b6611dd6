//! The relay.
fn main() -> std::process::ExitCode {
    wardline_server::command::main(std::env::args_os())
}
