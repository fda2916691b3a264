//! Where a command reads and writes: one handle, so that a test can look at everything that was said.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    sync::Arc,
};

use parking_lot::Mutex;

use super::failure::Failure;

/// Lines wrap here if no terminal says how wide it is.
const WIDTH: u16 = 100;

/// Standard input, output and error. Clones share them.
#[derive(Clone)]
pub struct Console {
    out: Stream,
    err: Stream,
    input: Arc<Mutex<dyn BufRead + Send>>,
    /// Columns of the terminal, or of text that goes elsewhere.
    pub(super) width: u16,
    /// Whether standard error is a terminal.
    pub(super) is_watched: bool,
    /// Whether questions can be answered.
    pub(super) is_answered: bool,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

/// An output that clones share.
#[derive(Clone)]
pub(super) struct Stream(Arc<Mutex<dyn Write + Send>>);

impl Stream {
    fn plain(to: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(anstream::StripStream::new(to))))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().flush()
    }
}

impl Console {
    /// The process's own; colours only on a terminal that wants them.
    pub fn of_the_process() -> Self {
        Self {
            out: Stream(Arc::new(Mutex::new(anstream::stdout()))),
            err: Stream(Arc::new(Mutex::new(anstream::stderr()))),
            input: Arc::new(Mutex::new(io::BufReader::new(io::stdin()))),
            width: comfy_table::Table::new().width().unwrap_or(WIDTH),
            is_watched: io::stderr().is_terminal(),
            is_answered: io::stdin().is_terminal() && io::stderr().is_terminal(),
        }
    }

    /// Other streams, without colours, for a program that embeds the commands.
    pub fn of(
        input: impl BufRead + Send + 'static,
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
    ) -> Self {
        Self {
            out: Stream::plain(Box::new(out)),
            err: Stream::plain(Box::new(err)),
            input: Arc::new(Mutex::new(input)),
            width: WIDTH,
            is_watched: false,
            is_answered: false,
        }
    }

    /// Writes `text` and a newline to standard output. A reader that has closed it is no error.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        self.go_on_printing(text).map(drop)
    }

    /// The same. Returns whether the output is still open.
    pub(super) fn go_on_printing(&self, text: &str) -> io::Result<bool> {
        let mut out = self.out.clone();
        match out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Writes `text` and a newline to standard error, which is the last place that could be told of a failure.
    pub(super) fn complain(&self, text: &str) {
        let _unheard = self.err.clone().write_all(format!("{text}\n").as_bytes());
    }

    pub(super) fn stderr(&self) -> Stream {
        self.err.clone()
    }

    /// One line of standard input, without its end.
    pub(super) fn line(&self) -> io::Result<String> {
        let mut line = String::new();
        self.input.lock().read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// What is in `file`, or for `-` what is left of standard input.
    pub(super) fn contents(&self, file: &Path) -> Result<Vec<u8>, Failure> {
        let mut rest = Vec::new();
        let read = if is_standard(file) {
            let mut input = self.input.lock();
            input.read_to_end(&mut rest).map(|_| rest)
        } else {
            std::fs::read(file)
        };
        read.map_err(|error| Failure::misused(format!("cannot read {}: {error}", file.display())))
    }

    /// The same as text.
    pub(super) fn text(&self, file: &Path) -> Result<String, Failure> {
        String::from_utf8(self.contents(file)?)
            .map_err(|error| Failure::misused(format!("cannot read {}: {error}", file.display())))
    }
}

/// Whether a file's name stands for standard input or output.
pub(super) fn is_standard(file: &Path) -> bool {
    file == Path::new("-")
}
