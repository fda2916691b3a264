//! Programs that run beside this one. Each has a process group and a log of its own, and ends with this program.

use std::{
    ffi::OsStr,
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::shell::shown;

/// Time to end by itself after a signal, before the process group is killed.
const TIME_TO_END: Duration = Duration::from_secs(10);

/// The signal that asks a program to end.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    Terminate,
    /// PostgreSQL's fast shutdown. After SIGTERM it would wait for its clients.
    Interrupt,
}

/// A program in a process group of its own. Its drop ends the whole group.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    stop: Stop,
}

/// Returns a command that runs `program` as `user`, or as this program's user, and that ends if this program is killed.
pub(crate) fn command(program: impl AsRef<OsStr>, user: Option<&str>, stop: Stop) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", stop.name()]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    command.arg("--").arg(program);
    command
}

impl Process {
    /// Starts the program. Its errors go to `log`; its output too, unless the command says otherwise.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path, stop: Stop) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let child =
            command.stderr(file).process_group(0).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: log.to_owned(), stop })
    }

    /// Fails if the program has ended.
    pub(crate) fn is_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended: {status}; its log is {}", self.name, shown(&self.log));
        }
        Ok(())
    }

    /// Returns a value once the program has ended well. Fails if it ended otherwise.
    pub(crate) fn ended(&mut self) -> Result<Option<()>> {
        match self.child.try_wait()? {
            None => Ok(None),
            Some(status) if status.success() => Ok(Some(())),
            Some(status) => bail!("{} failed: {status}; its log is {}", self.name, shown(&self.log)),
        }
    }

    /// Kills it at once, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::KILL);
        let _ended = self.child.wait();
    }

    /// Keeps it from running until [`resume`](Self::resume).
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it run again.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Takes its output, if it was piped.
    pub(crate) fn output(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().with_context(|| format!("no output of {}", self.name))
    }

    /// Takes its input, if it was piped.
    pub(crate) fn input(&mut self) -> Result<ChildStdin> {
        self.child.stdin.take().with_context(|| format!("no input of {}", self.name))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An error means that the group has ended.
            let _ended = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.stop.signal());
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < TIME_TO_END {
            thread::sleep(Duration::from_millis(20));
        }
        // Also ends children that outlived the program.
        self.signal(Signal::KILL);
        let _ended = self.child.wait();
    }
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
        }
    }

    fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::TERM,
            Self::Interrupt => Signal::INT,
        }
    }
}

/// Opens `log` for a program's output.
pub(crate) fn to_log(log: &Path) -> Result<Stdio> {
    Ok(File::options().create(true).append(true).open(log)?.into())
}
