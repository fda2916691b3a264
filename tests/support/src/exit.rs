use std::process::{Child, ExitStatus};
use std::time::Instant;

use crate::eventually::{DEADLINE, PAUSE};

/// Returns the status of `child` once it has ended.
///
/// # Panics
/// After two minutes, or if the process cannot be waited for.
#[expect(clippy::expect_used, reason = "for the developer who runs the test")]
pub fn wait_for_exit(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().expect("a child of this process") {
            return status;
        }
        assert!(Instant::now() < end, "not within {DEADLINE:?}: the end of process {}", child.id());
        std::thread::sleep(PAUSE);
    }
}
