//! `chukei`: the command line of a body's staff and of operators.

use std::process::ExitCode;

fn main() -> ExitCode {
    chukei_ops::main(std::env::args_os())
}
