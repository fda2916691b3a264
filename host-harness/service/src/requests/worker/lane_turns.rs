//! Turns of the lanes, so that none waits for as long as others have due requests.

use std::collections::HashMap;

use host_model::requests::{Action, Step};
use host_store::lane::Lane;

/// When each lane last had its turn. Lanes that were not due when they were last looked for are forgotten: they come first.
#[derive(Clone, Debug, Default)]
pub(super) struct LaneTurns {
    count: u64,
    last: HashMap<LaneName, u64>,
}

/// The connection, the action and the step of a lane.
type LaneName = (String, Action, Step);

impl LaneTurns {
    /// Gives `lane` a turn.
    pub(super) fn take(&mut self, lane: &Lane) {
        self.count += 1;
        self.last.insert(name(lane), self.count);
    }

    /// Returns a number that is lower the longer ago the lane had its turn.
    pub(super) fn last(&self, lane: &Lane) -> u64 {
        self.last.get(&name(lane)).copied().unwrap_or_default()
    }

    /// Forgets all lanes but `due`.
    pub(super) fn keep(&mut self, due: &[Lane]) {
        let before = std::mem::take(&mut self.last);
        let kept = due.iter().filter_map(|lane| Some((name(lane), *before.get(&name(lane))?)));
        self.last = kept.collect();
    }
}

fn name(lane: &Lane) -> LaneName {
    (lane.connection.clone(), lane.action, lane.step)
}
