//! Privacy notices, and which choices about them reach a vendor.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use super::cause::Cause;
use crate::{
    contract::consent::Choice,
    text::{self, MAX_DISPLAY_NAME, MAX_ID, UnfitText},
};

/// Who enforces a notice's choices.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Enforcement {
    /// The page that shows the notice.
    Frontend,
    /// Every system that processes data for it, including vendors.
    SystemWide,
    /// No enforcement is required.
    NotApplicable,
}

/// A privacy notice of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The platform's id.
    pub id: String,
    /// The platform's key, which is stable across the notice's versions.
    #[serde(rename = "notice_key", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The display name.
    pub name: String,
    /// The data uses that it covers, in the platform's taxonomy, such as `marketing.advertising`.
    pub data_uses: BTreeSet<String>,
    /// Who enforces it.
    #[serde(rename = "enforcement_level")]
    pub enforcement: Enforcement,
}

/// A system on the platform's data map, which a connection belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The platform's key.
    #[serde(rename = "fides_key")]
    pub key: String,
    /// The display name.
    pub name: String,
    /// Its data uses, in the platform's taxonomy.
    pub data_uses: BTreeSet<String>,
}

/// A field of a notice or a system that cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct UnfitField {
    /// The field, as the API calls it.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: UnfitText,
}

/// Checks the texts of a notice or a system. The name is shown to people and operators, everything else is compared.
fn check_texts<'a>(
    ids: impl IntoIterator<Item = (&'static str, &'a String)>,
    name: &str,
    data_uses: &'a BTreeSet<String>,
) -> Result<(), UnfitField> {
    let data_uses = data_uses.iter().map(|data_use| ("data_uses", data_use));
    for (field, id) in ids.into_iter().chain(data_uses) {
        text::check_name(id, MAX_ID).map_err(|why| UnfitField { field, why })?;
    }
    text::check_name(name, MAX_DISPLAY_NAME).map_err(|why| UnfitField { field: "name", why })
}

impl System {
    /// Checks that each text is short enough and contains no hidden character. A stored system may be older than this
    /// rule.
    pub fn check(&self) -> Result<(), UnfitField> {
        check_texts([("fides_key", &self.key)], &self.name, &self.data_uses)
    }
}

/// A person's answer to a notice. Two of the four are choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NoticeAnswer {
    /// In.
    OptIn,
    /// Out.
    OptOut,
    /// The person has seen a notice that offers no choice.
    Acknowledge,
    /// The choice is kept in the person's TCF string, not here.
    Tcf,
}

impl NoticeAnswer {
    /// Returns the choice, or `None` if the answer is not a choice.
    pub fn choice(self) -> Option<Choice> {
        match self {
            Self::OptIn => Some(Choice::OptIn),
            Self::OptOut => Some(Choice::OptOut),
            Self::Acknowledge | Self::Tcf => None,
        }
    }
}

impl From<Choice> for NoticeAnswer {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::OptIn => Self::OptIn,
            Choice::OptOut => Self::OptOut,
        }
    }
}

/// A preference for a notice, either sent to the vendor or derived from the vendor's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticePreference {
    /// The notice's id; the platform may send its key instead.
    pub notice: String,
    /// The answer.
    pub preference: NoticeAnswer,
    /// In milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// Where it was chosen, in the source's own words.
    pub source: String,
    /// The event it was derived from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Why a notice's choices do not reach a vendor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPropagated {
    /// Its choices are enforced elsewhere.
    #[error("notice `{0}` is not enforced system-wide, so its choices are sent to no vendor")]
    NotSystemWide(String),
    /// The notice covers none of the system's data uses.
    #[error("notice `{notice}` shares no data use with system `{system}`: the notice has {}", uses(.wanted))]
    NoSharedDataUse {
        /// The notice's id.
        notice: String,
        /// The system's key.
        system: String,
        /// The notice's data uses: the system needs one of them, or one below.
        wanted: BTreeSet<String>,
    },
    /// The answer requires no action.
    #[error("`{0}` is neither an opt-in nor an opt-out")]
    NotAChoice(NoticeAnswer),
}

fn uses(wanted: &BTreeSet<String>) -> String {
    if wanted.is_empty() {
        return "none".to_owned();
    }
    wanted.iter().map(|data_use| format!("`{data_use}`")).collect::<Vec<_>>().join(", ")
}

impl Notice {
    /// Checks that each text is short enough and contains no hidden character. A stored notice may be older than this
    /// rule.
    pub fn check(&self) -> Result<(), UnfitField> {
        let key = self.key.iter().map(|key| ("notice_key", key));
        check_texts([("id", &self.id)].into_iter().chain(key), &self.name, &self.data_uses)
    }

    /// Returns the notice whose id is `reference`, or else the one whose key is `reference`.
    pub fn find<'a>(notices: &'a [Self], reference: &str) -> Option<&'a Self> {
        let by_id = notices.iter().find(|notice| notice.id == reference);
        by_id.or_else(|| notices.iter().find(|notice| notice.key.as_deref() == Some(reference)))
    }

    /// Checks whether choices about the notice reach a connection of `system`. Without a system, data uses are not
    /// compared.
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

/// Returns whether a notice about `wide` covers a system with the data use `narrow`: the same use, or one below it.
/// Same rule as in Fides: a notice about `marketing` covers `marketing.advertising`, but not the other way round, since
/// a choice about advertising is not a choice about all marketing.
fn covers(wide: &str, narrow: &str) -> bool {
    narrow.strip_prefix(wide).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns the choice to send to a connection of `system`, or why none is sent.
pub fn propagates(
    notice: &Notice,
    answer: NoticeAnswer,
    system: Option<&System>,
) -> Result<Choice, NotPropagated> {
    notice.reaches(system)?;
    answer.choice().ok_or(NotPropagated::NotAChoice(answer))
}

#[cfg(test)]
mod tests;
