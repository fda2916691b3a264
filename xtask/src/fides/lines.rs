//! The output of a program, line by line, with a deadline.

use std::{
    io::{BufRead as _, BufReader, Read},
    sync::mpsc::{Receiver, TryRecvError, channel},
    thread,
    time::Duration,
};

use anyhow::{Result, bail};

use crate::programs::wait::until;

/// The lines that a program prints.
pub(super) struct Lines(Receiver<String>);

impl Lines {
    /// Reads lines until the output ends.
    pub(super) fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Lines are read on, so that the program is not held up, even if they are not awaited.
                let _not_awaited = sender.send(line);
            }
        });
        Self(lines)
    }

    /// Returns the first result of `find` for a line, and drops the lines up to there.
    pub(super) fn find<T>(
        &self,
        what: &str,
        patience: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        until(what, patience, || {
            loop {
                match self.0.try_recv() {
                    Ok(line) => {
                        if let Some(found) = find(&line) {
                            return Ok(Some(found));
                        }
                    }
                    Err(TryRecvError::Empty) => return Ok(None),
                    Err(TryRecvError::Disconnected) => bail!("{what}: the program ended"),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_awaited_are_dropped_and_the_end_is_an_error() {
        let lines = Lines::of("one\ntwo\nthree\n".as_bytes());
        let find = |wanted| {
            lines.find("the line", Duration::from_mins(1), move |line| (line == wanted).then_some(1))
        };
        assert_eq!(find("two").unwrap(), 1);
        assert_eq!(find("one").unwrap_err().to_string(), "the line: the program ended");
    }
}
