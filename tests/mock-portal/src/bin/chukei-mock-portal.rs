//! The program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    chukei_mock_portal::main(std::env::args_os())
}
