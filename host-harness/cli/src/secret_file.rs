//! Writes a secret that is shown only once to a file instead of the terminal.
//! Tested in `src/tests/database.rs`.

use std::path::{Path, PathBuf};

use clap::Args;
use host_store::private_file::PrivateFile;

use super::failure::Failure;

/// Where to put a secret that is shown only once.
#[derive(Debug, Args)]
pub(super) struct SecretFileArgs {
    /// Write it to this new file, which only its owner can read, instead of printing it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A file that is ready to receive a secret.
pub(super) struct SecretFile {
    file: PrivateFile,
    to: PathBuf,
}

impl SecretFileArgs {
    /// Creates the file, before the secret exists: what cannot be written is not created either. Returns `None` if the
    /// secret is to be printed.
    pub(super) fn create(self) -> Result<Option<SecretFile>, Failure> {
        let Some(to) = self.output else { return Ok(None) };
        if to.exists() {
            return Err(Failure::misused(format!(
                "{} already exists: a secret is written to a new file",
                to.display()
            )));
        }
        let file = PrivateFile::new(&to).map_err(|error| failed(&to, &error))?;
        Ok(Some(SecretFile { file, to }))
    }
}

impl SecretFile {
    /// Writes `secret` as a line. Returns a sentence for people, and the path.
    /// `next` says what to do if that fails.
    pub(super) fn write(mut self, secret: &str, next: &str) -> Result<(String, PathBuf), Failure> {
        let written = self.file.write(secret.as_bytes()).and_then(|()| self.file.write(b"\n"));
        written
            .and_then(|()| self.file.keep())
            .map_err(|error| Failure::misused(format!("{}: {error}\nnext: {next}", self.to.display())))?;
        Ok((format!("written to {}, which only its owner can read", self.to.display()), self.to))
    }
}

fn failed(file: &Path, error: &std::io::Error) -> Failure {
    Failure::misused(format!("{}: {error}", file.display()))
}
