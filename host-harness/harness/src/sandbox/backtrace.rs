//! The guest's functions when the sandbox ended a call. Names and files come from the component, so they are escaped and
//! bounded; they contain no data of the call.
//! Tested in `tests/all/limits/backtraces.rs`.

use std::fmt::{self, Write};

use host_model::text;
use wasmtime::{FrameInfo, WasmBacktrace};

/// Maximum number of functions.
const MAX_FRAMES: usize = 12;
/// Rust's own libraries: a panic passes ten of their functions, which do not say where it happened.
const OF_RUST: [&str; 4] = ["std::", "core::", "alloc::", "__rustc::"];
/// Maximum size of a function with its place, in bytes. Rust's names with generic types can be longer.
const MAX_FRAME_BYTES: usize = 240;

/// Returns the functions in the backtrace of `error`, innermost first, as far as the component has their names.
pub(super) fn frames(error: &wasmtime::Error) -> Vec<String> {
    let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
    let functions: Vec<_> = frames.iter().flat_map(functions).collect();
    let is_rusts = |function: &&String| OF_RUST.iter().any(|crate_name| function.starts_with(crate_name));
    let panicking = functions.iter().take_while(is_rusts).count();
    // A deep stack may end before it leaves those libraries.
    let skipped = if panicking < functions.len() { panicking } else { 0 };
    functions.into_iter().skip(skipped).take(MAX_FRAMES).collect()
}

/// Returns the functions of a frame: those that the compiler inlined, and the one that it kept.
fn functions(frame: &FrameInfo) -> Vec<String> {
    let inlined = frame.symbols().iter().filter_map(|symbol| {
        let name = symbol.name().or_else(|| frame.func_name())?;
        let place = symbol.file().map(|file| match symbol.line() {
            Some(line) => format!(" ({file}:{line})"),
            None => format!(" ({file})"),
        });
        Some(shown(name, &place.unwrap_or_default()))
    });
    let functions: Vec<_> = inlined.collect();
    if functions.is_empty() {
        frame.func_name().map(|name| shown(name, "")).into_iter().collect()
    } else {
        functions
    }
}

/// Returns a function as it is called in its source, if it is Rust's. The place stays if the name is too long.
fn shown(name: &str, place: &str) -> String {
    let place = text::escaped_within(place, MAX_FRAME_BYTES / 2);
    text::escaped_within(&demangled(name), MAX_FRAME_BYTES - place.len()) + &place
}

/// Returns the beginning of a function's name in its source: a name can be short and stand for one without end.
fn demangled(name: &str) -> String {
    let mut beginning = NameBeginning(String::new());
    // Ends with an error if the rest is left out.
    let _rest = write!(beginning, "{:#}", rustc_demangle::demangle(name));
    beginning.0
}

/// Accepts text until it has more than a frame shows.
struct NameBeginning(String);

impl Write for NameBeginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_full = self.0.len() > MAX_FRAME_BYTES;
        if is_full {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_long_name_is_demangled() {
        let long = format!("_ZN{}E", "4part".repeat(10_000));
        assert!(rustc_demangle::try_demangle(&long).is_ok());
        let beginning = demangled(&long);
        assert!(beginning.starts_with("part::part::"), "{beginning}");
        assert!((MAX_FRAME_BYTES..MAX_FRAME_BYTES + 10).contains(&beginning.len()), "{}", beginning.len());
        assert_eq!(demangled("_ZN4core9panicking5panic17h0123456789abcdefE"), "core::panicking::panic");
    }
}
