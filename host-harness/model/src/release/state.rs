//! The states of a release, and what leads from one to the next.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    measure::Excess,
    plan::ReleasePlan,
    share::Share,
    times::StepTimes,
    verdict::{Lack, ReleaseVerdict},
};

/// The state of a release, as it is stored for all replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "state")]
pub enum ReleaseState {
    /// It is planned. The version can be called by name, to try it.
    Proposed,
    /// It is in a step.
    Running(InStep),
    /// It stays in its step: the share is kept, so that no person moves back.
    Paused {
        /// The step.
        step: InStep,
        /// Why.
        why: PauseCause,
    },
    /// The version serves all connections and has been found good, or an operator ended the last step.
    Completed {
        /// When, in milliseconds since 1970 in UTC.
        at_ms: i64,
    },
    /// The version before serves all connections again.
    RolledBack {
        /// The share that it had reached.
        from: Share,
        /// By whom.
        by: RollBackCause,
        /// When, in milliseconds since 1970 in UTC.
        at_ms: i64,
    },
}

/// A step that a release is in. Times are in milliseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InStep {
    /// The share.
    pub share: Share,
    /// When the step began. The calls of the released version count from then.
    pub entered_ms: i64,
    /// When its minimum and maximum time began: as it began, or was last resumed.
    pub timed_from_ms: i64,
}

/// Why a release is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum PauseCause {
    /// The verdict was still inconclusive after the maximum time of the step.
    Inconclusive(Vec<Lack>),
    /// An operator paused it.
    Operator {
        /// The name of a caller.
        by: String,
    },
    /// A replica cannot load the version.
    NotLoaded {
        /// The replica.
        replica: String,
        /// Why not.
        why: String,
    },
}

/// By whom a release was rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum RollBackCause {
    /// An operator.
    Operator {
        /// The name of a caller.
        by: String,
    },
    /// The verdict, for these reasons.
    Verdict(Vec<Excess>),
    /// Another version took the place of the one before, such as that of a file, with which nothing was compared.
    BeforeReplaced,
}

/// What happens to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseEvent {
    /// Every replica has loaded the version, and the first step begins.
    Started,
    /// The counts were looked at.
    Judged(ReleaseVerdict),
    /// A replica cannot load the version.
    NotLoaded {
        /// The replica.
        replica: String,
        /// Why not.
        why: String,
    },
    /// An operator pauses it.
    Paused {
        /// The name of a caller.
        by: String,
    },
    /// An operator resumes it. Its step is timed anew, and the calls so far still count.
    Resumed,
    /// An operator ends the step with this share, whatever the verdict is. It is named so that no step is ended that the
    /// operator has not seen.
    Advanced {
        /// The share.
        share: Share,
    },
    /// An operator rolls it back.
    RolledBack {
        /// The name of a caller.
        by: String,
    },
    /// Another version than the one before runs.
    BeforeReplaced,
}

/// The event does not apply to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefused {
    /// It has not begun its first step.
    #[error("the release has not started")]
    NotStarted,
    /// It began its first step before.
    #[error("the release has started before")]
    AlreadyStarted,
    /// It is not paused.
    #[error("the release is not paused")]
    NotPaused,
    /// It is paused.
    #[error("the release is paused already")]
    AlreadyPaused,
    /// It is in another step.
    #[error("the release is at {now}, not at {named}: look at it, then repeat this")]
    OtherStep {
        /// The share of the step that was to be ended.
        named: Share,
        /// The share of its step.
        now: Share,
    },
    /// It was completed or rolled back.
    #[error("the release has ended")]
    Ended,
}

impl ReleaseState {
    /// Returns the state after `event` at `now_ms`, which is the same state if nothing follows yet.
    pub fn next(
        &self,
        event: ReleaseEvent,
        plan: &ReleasePlan,
        times: StepTimes,
        now_ms: i64,
    ) -> Result<Self, EventRefused> {
        match (self, event) {
            (Self::Completed { .. } | Self::RolledBack { .. }, _) => Err(EventRefused::Ended),
            (_, ReleaseEvent::RolledBack { by }) => {
                Ok(Self::RolledBack { from: self.share(), by: RollBackCause::Operator { by }, at_ms: now_ms })
            }
            (Self::Running(_) | Self::Paused { .. }, ReleaseEvent::BeforeReplaced) => {
                Ok(Self::RolledBack { from: self.share(), by: RollBackCause::BeforeReplaced, at_ms: now_ms })
            }
            (Self::Proposed, ReleaseEvent::Started) => Ok(step_after(Share::NONE, plan, now_ms)),
            (Self::Proposed, _) => Err(EventRefused::NotStarted),
            (_, ReleaseEvent::Started) => Err(EventRefused::AlreadyStarted),
            (Self::Running(step) | Self::Paused { step, .. }, ReleaseEvent::Advanced { share }) => {
                if share == step.share {
                    Ok(step_after(share, plan, now_ms))
                } else {
                    Err(EventRefused::OtherStep { named: share, now: step.share })
                }
            }
            (
                Self::Running(step) | Self::Paused { step, .. },
                ReleaseEvent::Judged(ReleaseVerdict::Bad(reasons)),
            ) => {
                let by = RollBackCause::Verdict(reasons);
                Ok(Self::RolledBack { from: step.share, by, at_ms: now_ms })
            }
            (Self::Running(step), ReleaseEvent::Judged(ReleaseVerdict::Good)) => {
                let is_over = step.lasted_ms(now_ms) >= times.minimum_ms;
                Ok(if is_over { step_after(step.share, plan, now_ms) } else { self.clone() })
            }
            (Self::Running(step), ReleaseEvent::Judged(ReleaseVerdict::Inconclusive(lacks))) => {
                let is_over = step.lasted_ms(now_ms) >= times.maximum_ms;
                Ok(if is_over { step.paused(PauseCause::Inconclusive(lacks)) } else { self.clone() })
            }
            (Self::Running(step), ReleaseEvent::NotLoaded { replica, why }) => {
                Ok(step.paused(PauseCause::NotLoaded { replica, why }))
            }
            (Self::Running(step), ReleaseEvent::Paused { by }) => {
                Ok(step.paused(PauseCause::Operator { by }))
            }
            (Self::Running(_), ReleaseEvent::Resumed) => Err(EventRefused::NotPaused),
            (Self::Paused { step, .. }, ReleaseEvent::Resumed) => {
                Ok(Self::Running(InStep { timed_from_ms: now_ms, ..*step }))
            }
            (Self::Paused { .. }, ReleaseEvent::Paused { .. }) => Err(EventRefused::AlreadyPaused),
            // The operator who paused it, or the first cause, decides; a better verdict does not resume it.
            (Self::Paused { .. }, ReleaseEvent::Judged(_) | ReleaseEvent::NotLoaded { .. }) => {
                Ok(self.clone())
            }
        }
    }

    /// Returns the share that the released version serves.
    pub fn share(&self) -> Share {
        match self {
            Self::Proposed | Self::RolledBack { .. } => Share::NONE,
            Self::Running(step) | Self::Paused { step, .. } => step.share,
            Self::Completed { .. } => Share::WHOLE,
        }
    }

    /// Returns whether no event changes it any more.
    pub fn has_ended(&self) -> bool {
        self.ended_ms().is_some()
    }

    /// Returns when it ended, in milliseconds since 1970 in UTC; `None` if it has not.
    pub fn ended_ms(&self) -> Option<i64> {
        match self {
            Self::Completed { at_ms } | Self::RolledBack { at_ms, .. } => Some(*at_ms),
            Self::Proposed | Self::Running(_) | Self::Paused { .. } => None,
        }
    }

    /// Returns whether an operator has to hear of it: it was rolled back or is paused, and none of them did it.
    pub fn raises_alarm(&self) -> bool {
        match self {
            Self::Paused { why, .. } => !matches!(why, PauseCause::Operator { .. }),
            Self::RolledBack { by, .. } => !matches!(by, RollBackCause::Operator { .. }),
            Self::Proposed | Self::Running(_) | Self::Completed { .. } => false,
        }
    }
}

impl InStep {
    fn lasted_ms(self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.timed_from_ms)
    }

    fn paused(self, why: PauseCause) -> ReleaseState {
        ReleaseState::Paused { step: self, why }
    }
}

fn step_after(share: Share, plan: &ReleasePlan, now_ms: i64) -> ReleaseState {
    match plan.steps().after(share) {
        Some(share) => ReleaseState::Running(InStep { share, entered_ms: now_ms, timed_from_ms: now_ms }),
        None => ReleaseState::Completed { at_ms: now_ms },
    }
}

/// A sentence without its full stop.
impl fmt::Display for ReleaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposed => f.write_str("proposed"),
            Self::Running(step) => write!(f, "running at {}", step.share),
            Self::Paused { step, why } => write!(f, "paused at {}: {why}", step.share),
            Self::Completed { .. } => f.write_str("completed"),
            Self::RolledBack { from, by, .. } => write!(f, "rolled back from {from} {by}"),
        }
    }
}

impl fmt::Display for PauseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inconclusive(lacks) => write!(f, "there is no verdict: {}", listed(lacks)),
            Self::Operator { by } => write!(f, "by {by}"),
            Self::NotLoaded { replica, why } => write!(f, "replica {replica} cannot load the version: {why}"),
        }
    }
}

impl fmt::Display for RollBackCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator { by } => write!(f, "by {by}"),
            Self::Verdict(reasons) => write!(f, "because the version is bad: {}", listed(reasons)),
            Self::BeforeReplaced => f.write_str("because another version took the place of the one before"),
        }
    }
}

/// The items hold commas and semicolons themselves.
fn listed(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests;
