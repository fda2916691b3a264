//! The process that compiles one component for its parent.
//! Tested in `tests/all/load/compile.rs`.

use std::{
    io::{self, BufRead as _, BufReader, ErrorKind, Read, Write as _, stdin, stdout},
    process::ExitCode,
};

use super::{
    compatibility::Compatibility,
    error::sentence,
    protocol::{CompileRequest, CompileResponse, MAX_LINE_BYTES},
};
use crate::engine::settings::settings_of_code;

/// Compiles the component that a [`CompilingProgram`](super::CompilingProgram) of the parent process passes on standard
/// input, and writes the code to standard output. To be called at the start of a process that does nothing else: it sets
/// limits on the process.
pub fn compile_for_parent() -> ExitCode {
    let compiled = match compile(&mut stdin().lock()) {
        Err(error) if error.kind() == ErrorKind::OutOfMemory => respond(&CompileResponse::OutOfMemory, &[]),
        compiled => compiled,
    };
    match compiled {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If this fails too, the parent is gone.
            let _unread = writeln!(
                io::stderr(),
                "error: {error}; this command is started by the host, to compile a component in a process with limits"
            );
            ExitCode::FAILURE
        }
    }
}

fn compile(from: &mut impl Read) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = String::new();
    from.by_ref().take(MAX_LINE_BYTES).read_line(&mut line)?;
    let request: CompileRequest = serde_json::from_str(&line)?;
    request.limits.apply()?;
    let mut component = Vec::new();
    from.take(request.component_bytes).read_to_end(&mut component)?;
    if component.len() as u64 != request.component_bytes {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let engine = wasmtime::Engine::new(&settings_of_code(request.detail)).map_err(io::Error::other)?;
    match engine.precompile_component(&component) {
        Ok(code) => {
            let compatibility = Compatibility::of(&engine);
            let code_bytes = code.len() as u64;
            respond(&CompileResponse::Compiled { compatibility, code_bytes }, &code)
        }
        Err(error) if is_out_of_memory(&error) => respond(&CompileResponse::OutOfMemory, &[]),
        Err(error) => {
            // The reader cuts it to less.
            let cause = sentence(&error).chars().take(1_000).collect();
            respond(&CompileResponse::Refused(cause), &[])
        }
    }
}

fn respond(response: &CompileResponse, code: &[u8]) -> io::Result<()> {
    let mut line = serde_json::to_vec(response)?;
    line.push(b'\n');
    let mut out = stdout().lock();
    out.write_all(&line)?;
    out.write_all(code)?;
    out.flush()
}

fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        kind == Some(ErrorKind::OutOfMemory) || cause.is::<wasmtime::OutOfMemory>()
    })
}
