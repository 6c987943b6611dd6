//! `wardline`, built with the tests so that they run it as a process.
fn main() -> std::process::ExitCode {
    wardline_proto::fault::arm();
    wardline_cli::main()
}
