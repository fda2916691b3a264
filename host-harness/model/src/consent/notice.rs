//! Notices, and which choices about them reach a vendor.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use super::cause::Cause;
use crate::contract::consent::Choice;

/// Who sees to it that a notice's choices are kept.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Enforcement {
    /// The page that shows the notice.
    Frontend,
    /// Every system that processes data for it: vendors are told.
    SystemWide,
    /// No enforcement is required.
    NotApplicable,
}

/// A privacy notice of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The platform's id.
    pub id: String,
    /// The platform's word for it, stable over the notice's versions.
    #[serde(rename = "notice_key", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// For people.
    pub name: String,
    /// What data is used for under it, in the platform's taxonomy, such as `marketing.advertising`.
    pub data_uses: BTreeSet<String>,
    /// Who sees to it.
    #[serde(rename = "enforcement_level")]
    pub enforcement: Enforcement,
}

/// A system on the platform's data map: what a connection stands for there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The platform's key.
    #[serde(rename = "fides_key")]
    pub key: String,
    /// For people.
    pub name: String,
    /// What it uses data for, in the platform's taxonomy.
    pub data_uses: BTreeSet<String>,
}

/// What a person answered to a notice. Two of the four are choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Answer {
    /// In.
    OptIn,
    /// Out.
    OptOut,
    /// Seen, where there is nothing to choose.
    Acknowledge,
    /// Kept in the person's TCF string, not here.
    Tcf,
}

impl Answer {
    /// The choice, where the answer is one.
    pub fn choice(self) -> Option<Choice> {
        match self {
            Self::OptIn => Some(Choice::OptIn),
            Self::OptOut => Some(Choice::OptOut),
            Self::Acknowledge | Self::Tcf => None,
        }
    }
}

impl From<Choice> for Answer {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::OptIn => Self::OptIn,
            Choice::OptOut => Self::OptOut,
        }
    }
}

/// A preference for a notice, going to the vendor or derived from what came from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticePreference {
    /// The notice's id; from the platform, its key will do.
    pub notice: String,
    /// What was answered.
    pub preference: Answer,
    /// In milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// In the words of where it was chosen.
    pub source: String,
    /// What it was derived from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Why a notice's choices do not reach a vendor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPropagated {
    /// Its choices are kept elsewhere.
    #[error("notice `{0}` is not enforced system-wide, so its choices go to no vendor")]
    NotSystemWide(String),
    /// The notice says nothing about what the system does.
    #[error("notice `{notice}` shares no data use with system `{system}`: it has {}", uses(.wanted))]
    NoSharedDataUse {
        /// The notice's id.
        notice: String,
        /// The system's key.
        system: String,
        /// The notice's data uses: the system would need one of them, or one below.
        wanted: BTreeSet<String>,
    },
    /// There is nothing to carry out.
    #[error("`{0}` is neither an opt-in nor an opt-out")]
    NotAChoice(Answer),
}

fn uses(wanted: &BTreeSet<String>) -> String {
    if wanted.is_empty() {
        return "none".to_owned();
    }
    wanted.iter().map(|data_use| format!("`{data_use}`")).collect::<Vec<_>>().join(", ")
}

impl Notice {
    /// The one of `notices` that has `reference` as its id, else the one that has it as its key.
    pub fn find<'a>(notices: &'a [Self], reference: &str) -> Option<&'a Self> {
        let by_id = notices.iter().find(|notice| notice.id == reference);
        by_id.or_else(|| notices.iter().find(|notice| notice.key.as_deref() == Some(reference)))
    }

    /// Whether choices about the notice reach a connection of `system`; one of no system is not asked for its data uses.
    pub fn reaches(&self, system: Option<&System>) -> Result<(), NotPropagated> {
        if self.enforcement != Enforcement::SystemWide {
            return Err(NotPropagated::NotSystemWide(self.id.clone()));
        }
        match system {
            Some(system) if !self.shares_a_data_use(system) => Err(NotPropagated::NoSharedDataUse {
                notice: self.id.clone(),
                system: system.key.clone(),
                wanted: self.data_uses.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn shares_a_data_use(&self, system: &System) -> bool {
        system.data_uses.iter().any(|of_system| self.data_uses.iter().any(|own| covers(own, of_system)))
    }
}

/// Whether a notice about `wide` speaks of a system that does `narrow`: the same use, or one below it. Decided as Fides
/// does: a notice about `marketing` covers `marketing.advertising`, but not the other way round, since a choice about
/// advertising is none about all marketing.
fn covers(wide: &str, narrow: &str) -> bool {
    narrow.strip_prefix(wide).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The choice that goes to a connection of `system`, or why none does.
pub fn propagates(notice: &Notice, answer: Answer, system: Option<&System>) -> Result<Choice, NotPropagated> {
    notice.reaches(system)?;
    answer.choice().ok_or(NotPropagated::NotAChoice(answer))
}

#[cfg(test)]
mod tests;
