//! `chukei-demo`: the whole stack on this machine, and a walk through everything it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    chukei_demo::main()
}
