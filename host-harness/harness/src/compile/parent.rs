//! Starts the process that compiles a component, and reads its answer.
//! Tested in `tests/all/load/compile.rs`.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    sync::Semaphore,
};

use super::{
    code::CompiledCode,
    error::{CompileError, CompileLimit, UnusableCompiler},
    limits::CompileLimits,
    protocol::{CompileRequest, CompileResponse, MAX_LINE_BYTES},
    target::CompileTarget,
};

/// The maximum number of compiling processes at once. A second one, so that one component that takes long delays no
/// other; more would take the calls' memory and CPU.
const MAX_PROCESSES: usize = 2;

/// The maximum number of threads that compile a component, for the same reason. Each takes address space, too.
const MAX_THREADS: &str = "4";

/// What is kept of what the process writes to standard error: the message of a panic.
const MAX_ERROR_BYTES: u64 = 4 << 10;

/// The program that compiles. It calls [`compile_for_parent`](super::compile_for_parent), and is of the same version as
/// this one. It runs as the same user, without this process's environment. Clones share the limit of two processes at
/// once.
#[derive(Clone, Debug)]
pub struct CompilingProgram {
    program: PathBuf,
    arguments: Vec<OsString>,
    places: Arc<Semaphore>,
}

/// What the process answered, and how it ended.
struct Ended {
    response: io::Result<ChildAnswer>,
    status: ExitStatus,
    told: String,
}

enum ChildAnswer {
    Code(CompiledCode),
    TooLarge(u64),
    OtherCompiler,
    Refused(String),
    OutOfMemory,
}

impl CompilingProgram {
    /// Uses `program`, which is started with `arguments` for each component.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, places: Arc::new(Semaphore::new(MAX_PROCESSES)) }
    }

    /// Uses the program of this process, which has to call [`compile_for_parent`](super::compile_for_parent) if it is
    /// started with `arguments`. On Linux, it is the same program even after its file was replaced.
    pub fn this_one<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> io::Result<Self> {
        let running = Path::new("/proc/self/exe");
        let program = if running.exists() { running.to_owned() } else { std::env::current_exe()? };
        Ok(Self::new(program, arguments))
    }

    /// Compiles `component` for `target`. The process is killed at a limit, and if the future is dropped.
    pub(super) async fn compile(
        &self,
        target: &CompileTarget,
        limits: &CompileLimits,
        component: &[u8],
    ) -> Result<CompiledCode, CompileError> {
        let _place = self.places.acquire().await;
        let request = CompileRequest {
            limits: *limits,
            detail: target.detail,
            component_bytes: component.len() as u64,
        };
        let mut child = self.start().map_err(|error| self.unusable(format!("cannot be started: {error}")))?;
        let exchange = exchange(&mut child, &request, component, target);
        let ended = tokio::time::timeout(limits.wall_clock(), exchange).await;
        let Ok(ended) = ended else {
            // Waits for its end, too.
            if let Err(error) = child.kill().await {
                tracing::warn!(%error, "compiling process not killed");
            }
            return Err(CompileError::Limit(CompileLimit::Wall(limits.wall_seconds)));
        };
        let ended = ended.map_err(|error| self.unusable(format!("cannot be waited for: {error}")));
        let Ended { response, status, told } = ended?;
        match response {
            Ok(ChildAnswer::Code(code)) if status.success() => Ok(code),
            Ok(ChildAnswer::TooLarge(found)) => {
                let allowed = limits.output_bytes;
                Err(CompileError::Limit(CompileLimit::Output { found, allowed }))
            }
            Ok(ChildAnswer::Refused(cause)) => Err(CompileError::Refused(cause)),
            Ok(ChildAnswer::OutOfMemory) => {
                Err(CompileError::Limit(CompileLimit::Memory(limits.memory_bytes)))
            }
            Ok(ChildAnswer::OtherCompiler) => {
                Err(self.unusable("compiles for another host: it has to be of the same version".to_owned()))
            }
            Ok(ChildAnswer::Code(_)) | Err(_) => Err(self.crash(status, &told, limits)),
        }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            // It needs none of the secrets.
            .env_clear()
            .env("RAYON_NUM_THREADS", MAX_THREADS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    /// Returns why the process ended without an answer.
    fn crash(&self, status: ExitStatus, told: &str, limits: &CompileLimits) -> CompileError {
        let signal = signal(status);
        // What the standard library prints before it aborts, and rayon if there is no memory for a thread's stack.
        let aborted = signal == Some(SIGABRT) && told.contains("memory allocation of ");
        if aborted || told.contains("ThreadPoolBuildError") {
            return CompileError::Limit(CompileLimit::Memory(limits.memory_bytes));
        }
        if signal == Some(SIGXCPU) {
            return CompileError::Limit(CompileLimit::Cpu(limits.cpu_seconds));
        }
        tracing::error!(program = %self.program.display(), %status, told, "compiling process ended without an answer");
        match signal {
            Some(SIGKILL) => CompileError::Killed,
            Some(_) => CompileError::Failed,
            None if status.code() == Some(PANICKED) => CompileError::Failed,
            None => {
                self.unusable(format!("ended with {status}: {}", told.lines().next().unwrap_or_default()))
            }
        }
    }

    fn unusable(&self, cause: String) -> CompileError {
        CompileError::Unusable(UnusableCompiler { program: self.program.clone(), cause })
    }
}

/// The code with which a Rust program exits after a panic.
const PANICKED: i32 = 101;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// Writes the request, reads the answer, and waits for the end of the process.
async fn exchange(
    child: &mut Child,
    request: &CompileRequest,
    component: &[u8],
    target: &CompileTarget,
) -> io::Result<Ended> {
    let (Some(mut to), Some(from), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let written = async move {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        to.write_all(&line).await?;
        to.write_all(component).await?;
        to.shutdown().await
    };
    // Dropped at the end of the answer: a process that writes more ends there.
    let answered = async move { response(from, request.limits.output_bytes, target).await };
    // A process that ended early has read only a part of it.
    let (_unread, response, told) = tokio::join!(written, answered, start_of(errors));
    Ok(Ended { response, status: child.wait().await?, told })
}

async fn response(
    from: impl AsyncRead + Unpin,
    max_bytes: u64,
    target: &CompileTarget,
) -> io::Result<ChildAnswer> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    (&mut from).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    let (compatibility, code_bytes) = match serde_json::from_slice(&line)? {
        CompileResponse::Compiled { compatibility, code_bytes } => (compatibility, code_bytes),
        CompileResponse::Refused(cause) => return Ok(ChildAnswer::Refused(cause)),
        CompileResponse::OutOfMemory => return Ok(ChildAnswer::OutOfMemory),
    };
    if compatibility != target.compatibility {
        return Ok(ChildAnswer::OtherCompiler);
    }
    if code_bytes > max_bytes {
        return Ok(ChildAnswer::TooLarge(code_bytes));
    }
    let mut code = Vec::new();
    from.take(code_bytes).read_to_end(&mut code).await?;
    if code.len() as u64 == code_bytes {
        Ok(ChildAnswer::Code(CompiledCode::of_child(code)))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Returns the beginning of what is written, and reads the rest, so that the writer does not wait.
async fn start_of(mut errors: impl AsyncRead + Unpin) -> String {
    let mut told = Vec::new();
    // What was read before an error counts.
    let _error = (&mut errors).take(MAX_ERROR_BYTES).read_to_end(&mut told).await;
    let _error = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&told).into_owned()
}
