//! Why a component was not compiled.

use std::path::PathBuf;

/// A limit of the compiling process was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileLimit {
    /// The address space.
    #[error("compiling it takes more memory than the {0} bytes that compile.memory-bytes allows")]
    Memory(u64),
    /// The computing time.
    #[error("compiling it takes more than the {0} s of computing time that compile.cpu-seconds allows")]
    Cpu(u64),
    /// The time from start to end.
    #[error("compiling it takes longer than the {0} s that compile.wall-seconds allows")]
    Wall(u64),
    /// The size of the compiled code.
    #[error("its compiled code has {found} bytes, more than the {allowed} that compile.output-bytes allows")]
    Output {
        /// Its size.
        found: u64,
        /// The maximum size.
        allowed: u64,
    },
}

/// The program that compiles cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the compiling program {} {cause}", program.display())]
pub struct UnusableCompiler {
    /// The program.
    pub program: PathBuf,
    /// What is wrong with it.
    pub cause: String,
}

/// Why a component was not compiled.
#[derive(Debug)]
pub(crate) enum CompileError {
    /// The compiler refused it, with this sentence.
    Refused(String),
    /// A limit was reached.
    Limit(CompileLimit),
    /// The compiler panicked or crashed; the log has the place.
    Failed,
    /// The system killed the compiling process.
    Killed,
    /// The host is stopping.
    Interrupted,
    /// The compiling program does not work.
    Unusable(UnusableCompiler),
}

/// Formats the whole chain of causes on one line.
pub(crate) fn sentence(error: &wasmtime::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
