//! The `wardline` binary.
fn main() -> std::process::ExitCode {
    wardline_cli::main()
}
