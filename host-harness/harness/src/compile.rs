//! From the bytes of a component to code.
//!
//! A [`Compilation`] says where components are compiled, and where their code is kept. By default they are compiled in this
//! process, without a limit: for a program that loads only components that it trusts. Otherwise a [`CompilingProgram`]
//! compiles each component in a process of its own, which ends at its [`CompileLimits`]; that program calls
//! [`compile_for_parent`] and nothing else:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     host_harness::compile::compile_for_parent()
//! }
//! ```
//!
//! The same program may do both: with an argument, see [`CompilingProgram::this_one`].

mod cache;
mod child;
mod code;
mod compatibility;
pub(crate) mod compilation;
mod entry;
pub(crate) mod error;
mod limits;
mod parent;
mod protocol;
pub(crate) mod target;

pub use cache::{CodeCache, MAX_CACHE_BYTES};
pub use child::compile_for_parent;
pub use compilation::{Compilation, Compiler};
pub use entry::CodeKey;
pub use error::{CompileLimit, UnusableCompiler};
pub use limits::CompileLimits;
pub use parent::CompilingProgram;
