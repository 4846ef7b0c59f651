//! `chukei-node`: everything is in the library.

fn main() -> std::process::ExitCode {
    chukei_node::main(std::env::args_os())
}
