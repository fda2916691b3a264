//! A program that compiles components for a host, as one that embeds the host has it.

use std::process::ExitCode;

fn main() -> ExitCode {
    host_harness::compile::compile_for_parent()
}
