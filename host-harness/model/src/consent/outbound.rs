//! Turns notice preferences into item choices and reports on each.

mod conclude;
mod erased;

use serde::{Deserialize, Serialize};

use super::{
    echo::second,
    mapping::item::{StoredItem, titled},
    newest::{Origin, RecordedChoice, RecordedChoices, choose},
    notice::{Notice, NoticePreference, System, propagates},
};
use crate::contract::consent::{Choice, ItemId, Preference};

/// What the platform requests for one person at one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformRequest {
    /// Choices about notices.
    #[serde(default)]
    pub notices: Vec<NoticePreference>,
    /// Choices about individual items, which need not be mapped to a notice.
    #[serde(default)]
    pub items: Vec<Preference>,
}

/// The context that determines which items a notice's choice is sent to.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The connection's key.
    pub connection: &'a str,
    /// The system that it belongs to, if any.
    pub system: Option<&'a System>,
    /// All notices of the tenant.
    pub notices: &'a [Notice],
    /// The connection's mapping.
    pub mapping: &'a [StoredItem],
}

/// The status of one line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineStatus {
    /// Not final: waiting to be applied, or accepted but not in effect yet.
    Pending,
    /// The vendor has accepted it.
    Executed,
    /// The vendor already had this choice.
    NoUpdateNeeded,
    /// The person has no identifier that the vendor can act on.
    MissingIdentity,
    /// It should have been carried out but was not: an operator must check it.
    Refused,
    /// Nothing to carry out here; no operator action is required.
    NotApplicable,
}

/// The result for one notice or item of a request. Entries follow the request's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// The id of the requested notice, or the reference as sent if the notice is unknown. `None` if no notice was
    /// requested.
    pub notice_id: Option<String>,
    /// The item; `None` if the entry is about the notice as a whole.
    pub item: Option<ItemId>,
    /// The status.
    pub status: LineStatus,
    /// Why, for an operator.
    pub why: String,
}

/// A request in progress: the choices still to be applied, and the results of the others. Contains no personal data,
/// and can be stored between attempts.
///
/// [`of`](Self::of) creates it. The caller applies its [`preferences`](Self::preferences) and passes the answer to
/// [`conclude`](Self::conclude) until nothing is left. Before each further attempt, [`against`](Self::against) drops
/// choices that are no longer the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Line {
    notice: Option<String>,
    item: Option<ItemId>,
    /// The items that the item belongs to, nearest first.
    above: Vec<ItemId>,
    /// The ancestor whose opt-out leaves this opt-in without effect.
    shadowed_by: Option<ItemId>,
    state: LineState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LineState {
    Open {
        chosen: Preference,
        /// What the vendor answered when it accepted the choice without putting it into effect.
        taken: Option<String>,
    },
    Settled {
        status: LineStatus,
        why: String,
    },
}

impl LineState {
    fn settled(status: LineStatus, why: impl Into<String>) -> Self {
        Self::Settled { status, why: why.into() }
    }
}

impl Plan {
    /// Creates the plan for `requested` under `terms`, for a person with the recorded choices `ledger`.
    pub fn of(requested: &PlatformRequest, terms: Terms<'_>, ledger: &RecordedChoices) -> Self {
        let notices = requested.notices.iter().flat_map(|wanted| terms.lines_for(wanted));
        let items = requested.items.iter().map(|chosen| terms.line(None, chosen.clone()));
        Self { lines: notices.chain(items).collect() }.against(ledger)
    }

    /// Drops choices that are no longer the newest, including the older of two choices for one item in the same
    /// request.
    #[must_use]
    pub fn against(mut self, ledger: &RecordedChoices) -> Self {
        let mut newest = ledger.clone();
        for chosen in self.open() {
            let stands = choose(newest.get(&chosen.item), chosen).stands;
            newest.insert(chosen.item.clone(), stands);
        }
        for line in &mut self.lines {
            line.compare_with(&newest);
        }
        self
    }

    /// Returns the choices to apply now, one per item, with their times. Empty if everything is settled.
    pub fn preferences(&self) -> Vec<Preference> {
        let mut once: Vec<Preference> = Vec::new();
        for chosen in self.open() {
            if !once.iter().any(|known| known.item == chosen.item) {
                once.push(chosen.clone());
            }
        }
        once
    }

    /// Returns the result for each notice and item so far.
    pub fn report(&self) -> Vec<RequestEntry> {
        self.lines.iter().map(Line::entry).collect()
    }

    fn open(&self) -> impl Iterator<Item = &Preference> {
        self.lines.iter().filter_map(|line| match &line.state {
            LineState::Open { chosen, .. } => Some(chosen),
            LineState::Settled { .. } => None,
        })
    }
}

impl Terms<'_> {
    /// Returns a line for each item that is mapped to the notice, or a single line with the reason if there is none.
    fn lines_for(self, wanted: &NoticePreference) -> Vec<Line> {
        let Some(notice) = Notice::find(self.notices, &wanted.notice) else {
            // Refused rather than ignored: an ignored opt-out would never be carried out.
            let why = format!(
                "there is no notice `{}`: register it, then send the preference again",
                wanted.notice
            );
            return Line::whole(&wanted.notice, LineStatus::Refused, why);
        };
        if wanted.cause.as_ref().is_some_and(|cause| cause.is_from(self.connection)) {
            return Line::whole(&notice.id, LineStatus::NoUpdateNeeded, "it originated from this connection");
        }
        let choice = match propagates(notice, wanted.preference, self.system) {
            Ok(choice) => choice,
            Err(why) => return Line::whole(&notice.id, LineStatus::NotApplicable, why.to_string()),
        };
        let mapped = self.mapping.iter().filter(|item| item.notice.as_ref() == Some(&notice.id));
        let lines: Vec<Line> = mapped
            .map(|item| {
                let (item, source) = (item.id.clone(), wanted.source.clone());
                let chosen = Preference { item, choice, chosen_at_ms: wanted.chosen_at_ms, source };
                self.line(Some(notice.id.clone()), chosen)
            })
            .collect();
        if lines.is_empty() {
            return Line::whole(&notice.id, LineStatus::NotApplicable, "no vendor item is mapped to it");
        }
        lines
    }

    fn line(self, notice: Option<String>, chosen: Preference) -> Line {
        let (item, above) = (Some(chosen.item.clone()), self.above(&chosen.item));
        Line { notice, item, above, shadowed_by: None, state: LineState::Open { chosen, taken: None } }
    }

    /// Returns the ancestors of `item`, nearest first. The saved mapping may contain cycles, so none is listed twice.
    fn above(self, item: &ItemId) -> Vec<ItemId> {
        let parent = |item: &ItemId| self.mapping.iter().find(|known| known.id == *item)?.parent.clone();
        let mut above = Vec::new();
        let mut next = parent(item);
        while let Some(id) = next.filter(|id| !above.contains(id)) {
            next = parent(&id);
            above.push(id);
        }
        above
    }
}

impl Line {
    /// Returns the single line about a notice that reaches no item.
    fn whole(notice: &str, status: LineStatus, why: impl Into<String>) -> Vec<Self> {
        let (notice, state) = (Some(notice.to_owned()), LineState::settled(status, why));
        vec![Self { notice, item: None, above: Vec::new(), shadowed_by: None, state }]
    }

    fn compare_with(&mut self, newest: &RecordedChoices) {
        let LineState::Open { chosen, .. } = &self.state else {
            return;
        };
        let is_out = |item: &&ItemId| newest.get(*item).is_some_and(|known| known.choice == Choice::OptOut);
        let shadow = self.above.iter().find(is_out).filter(|_| chosen.choice == Choice::OptIn);
        self.shadowed_by = shadow.cloned();
        // A copy of another person's opt-out is no reason not to send this person's own.
        let says_the_same = |stands: &&RecordedChoice| {
            stands.is_of(chosen) || stands.origin == Origin::Merged && stands.choice == chosen.choice
        };
        let newer = newest.get(&chosen.item).filter(|stands| !says_the_same(stands));
        if let Some(newer) = newer {
            self.state = superseded(chosen, newer);
        }
    }

    fn entry(&self) -> RequestEntry {
        let (status, why) = match &self.state {
            LineState::Open { taken: None, .. } => (LineStatus::Pending, "still to be applied".to_owned()),
            LineState::Open { taken: Some(said), .. } => (LineStatus::Pending, said.clone()),
            LineState::Settled { status, why } => (*status, why.clone()),
        };
        let why = match &self.shadowed_by {
            Some(above) if matches!(status, LineStatus::Executed | LineStatus::NoUpdateNeeded) => {
                format!("{why}; {} is opted out, which shadows this opt-in", titled(above))
            }
            _ => why,
        };
        RequestEntry { notice_id: self.notice.clone(), item: self.item.clone(), status, why }
    }
}

fn superseded(chosen: &Preference, newer: &RecordedChoice) -> LineState {
    let place = match newer.origin {
        Origin::Platform => "at the platform",
        Origin::Vendor | Origin::Reading => "at the vendor",
        Origin::Merged => "by a person who shared an identifier",
    };
    let choice = newer.choice;
    if choice == chosen.choice {
        LineState::settled(
            LineStatus::NoUpdateNeeded,
            format!("a newer {choice} made {place} has the same effect"),
        )
    } else if second(newer.chosen_at_ms) == second(chosen.chosen_at_ms) {
        LineState::settled(
            LineStatus::NotApplicable,
            format!("an {choice} made {place} in the same second takes precedence"),
        )
    } else {
        LineState::settled(
            LineStatus::NotApplicable,
            format!("a newer {choice} made {place} takes precedence"),
        )
    }
}

#[cfg(test)]
mod tests;
