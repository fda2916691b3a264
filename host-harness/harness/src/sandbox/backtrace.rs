//! The guest's functions when the sandbox ended a call. Names and files come from the component, so they are escaped and
//! bounded; they contain no data of the call.
//! Tested in `tests/all/limits/backtraces.rs`.

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
    let name = format!("{:#}", rustc_demangle::demangle(name));
    text::escaped_within(&name, MAX_FRAME_BYTES - place.len()) + &place
}
