use std::process::{Child, ExitStatus};
use std::time::Instant;

use crate::eventually::{DEADLINE, PAUSE};

/// Returns the status of `child` once it has ended.
///
/// # Panics
/// After two minutes, or if the process cannot be waited for.
#[expect(clippy::panic, reason = "for the developer who runs the test")]
pub fn wait_for_exit(child: &mut Child) -> ExitStatus {
    exit_in_time(child)
        .unwrap_or_else(|| panic!("not within {DEADLINE:?}: the end of process {}", child.id()))
}

/// Returns the status of `child` once it has ended; `None` if it has not within two minutes.
///
/// # Panics
/// If the process cannot be waited for.
#[expect(clippy::expect_used, reason = "for the developer who runs the test")]
pub fn exit_in_time(child: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        let status = child.try_wait().expect("a child of this process");
        if status.is_some() {
            return status;
        }
        std::thread::sleep(PAUSE);
    }
    None
}
