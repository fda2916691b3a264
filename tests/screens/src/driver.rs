//! The driver of the browsers: one process for the whole run.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// The driver. Its browsers end with it.
pub(crate) struct Driver {
    child: Child,
    pub(crate) address: String,
    /// The profiles of the browsers, which they leave behind.
    _profiles: TempDir,
}

impl Driver {
    /// Starts the driver, and waits until it listens.
    pub(crate) fn start() -> Self {
        let profiles = TempDir::new().unwrap();
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", profiles.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts: `cargo xtask test` installs it");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let port = line.split_once("started successfully on port ")?.1;
            Some(port.trim_end_matches('.').to_owned())
        });
        // Read on, so that the driver is not blocked by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: format!("http://127.0.0.1:{}", port.unwrap()), _profiles: profiles }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asked to end, it ends its browsers, which a kill would leave running.
        let _sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _gone = test_support::exit_in_time(&mut self.child);
    }
}
