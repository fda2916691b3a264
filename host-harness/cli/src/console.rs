//! A command's input and output, in one handle, so that tests can inspect everything that was printed.
//! Tested in `src/tests.rs`.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    sync::Arc,
};

use parking_lot::Mutex;

use super::failure::Failure;
use host_model::text;

/// What printed text may contain besides visible characters: line ends, and the styles of this program and of clap. A
/// style that hides text or moves the cursor is not among them.
const OWN_CONTROLS: [&str; 7] =
    ["\n", "\u{1b}[0m", "\u{1b}[1m", "\u{1b}[4m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];

/// The line width if no terminal reports one.
const WIDTH: u16 = 100;

/// Standard input, output and error. Clones share them.
#[derive(Clone)]
pub struct Console {
    out: Stream,
    err: Stream,
    input: Arc<Mutex<dyn BufRead + Send>>,
    /// The line width, in columns.
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

/// Whether anything still reads an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputState {
    /// It takes more.
    Open,
    /// Its reader has closed it.
    Closed,
}

impl Console {
    /// The streams of the process, with colours only on a terminal that supports them.
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

    /// Writes `text` and a newline to standard output, with hidden characters escaped. It is not an error if the reader has closed it.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        self.print_line(text).map(drop)
    }

    /// Writes `text` and a newline to standard output, with hidden characters escaped, and returns what became of the
    /// output.
    pub(super) fn print_line(&self, text: &str) -> io::Result<OutputState> {
        let mut out = self.out.clone();
        match out.write_all(format!("{}\n", printable(text)).as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(OutputState::Closed),
            written => written.map(|()| OutputState::Open),
        }
    }

    /// Writes `text` and a newline to standard error, with hidden characters escaped. Ignores failures: there is nowhere
    /// left to report them.
    pub(super) fn print_error(&self, text: &str) {
        let _unheard = self.err.clone().write_all(format!("{}\n", printable(text)).as_bytes());
    }

    pub(super) fn stderr(&self) -> Stream {
        self.err.clone()
    }

    /// Reads one line of standard input, without its end.
    pub(super) fn line(&self) -> io::Result<String> {
        let mut line = String::new();
        self.input.lock().read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Reads `file`, or the rest of standard input if it is `-`.
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

    /// Reads `file` as text, or the rest of standard input if it is `-`.
    pub(super) fn text(&self, file: &Path) -> Result<String, Failure> {
        String::from_utf8(self.contents(file)?)
            .map_err(|error| Failure::misused(format!("cannot read {}: {error}", file.display())))
    }
}

/// Returns `text` with every hidden character escaped except [`OWN_CONTROLS`]. All output passes through it, since any
/// text may come from a vendor, a tenant or a file.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (visible, from) = rest.split_at(rest.find(['\n', '\u{1b}']).unwrap_or(rest.len()));
        shown.push_str(&text::escaped(visible));
        let own = OWN_CONTROLS.iter().find_map(|own| Some((*own, from.strip_prefix(own)?)));
        if let Some((own, after)) = own {
            shown.push_str(own);
            rest = after;
        } else {
            let mut others = from.chars();
            shown.extend(others.next().map(char::escape_unicode).into_iter().flatten());
            rest = others.as_str();
        }
    }
    shown
}

/// Whether a file's name stands for standard input or output.
pub(super) fn is_standard(file: &Path) -> bool {
    file == Path::new("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exit::Exit,
        output::{coloured, heading},
    };

    #[test]
    fn lines_and_the_programs_own_styles_are_printed_and_everything_else_that_is_hidden_is_escaped() {
        let own = format!("{}\n  {}", heading("title"), coloured("done", Exit::Done));
        assert_eq!(printable(&own), own);
        assert_eq!(
            printable("a\u{1b}[8mb\u{1b}]0;t\u{7}\u{1b}[2J\t\r\u{9b}31m\u{202e}\u{2028}\u{200b}\u{1b}"),
            "a\\u{1b}[8mb\\u{1b}]0;t\\u{7}\\u{1b}[2J\\t\\r\\u{9b}31m\\u{202e}\\u{2028}\\u{200b}\\u{1b}"
        );
    }

    #[test]
    fn the_help_and_a_usage_error_are_printed_with_their_styles() {
        use clap::CommandFactory;
        let mut command = crate::Arguments::command();
        let help = command.render_long_help().ansi().to_string();
        assert_eq!(printable(&help), help);
        let error = command.try_get_matches_from(["connector-host", "chekc", "--nope"]).unwrap_err();
        let error = error.render().ansi().to_string();
        assert_eq!(printable(&error), error);
    }
}
