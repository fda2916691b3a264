//! Notice preferences in, item choices out, and a report on each.

mod conclude;
mod erased;

use serde::{Deserialize, Serialize};

use super::{
    echo::second,
    mapping::item::{StoredItem, titled},
    newest::{Ledger, Origin, Recorded, by_then, choose},
    notice::{Notice, NoticePreference, System, propagates},
};
use crate::contract::consent::{Choice, ItemId, Preference};

/// What the platform asks for one person at one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requested {
    /// Choices about notices.
    #[serde(default)]
    pub notices: Vec<NoticePreference>,
    /// Choices about items themselves; no notice need stand for them.
    #[serde(default)]
    pub items: Vec<Preference>,
}

impl Requested {
    /// The same, heard of at `heard_at`: clocks differ, and nobody chooses in the future.
    #[must_use]
    pub fn by_then(mut self, heard_at: i64) -> Self {
        let notices = self.notices.iter_mut().map(|notice| &mut notice.chosen_at_ms);
        for chosen_at_ms in notices.chain(self.items.iter_mut().map(|item| &mut item.chosen_at_ms)) {
            *chosen_at_ms = by_then(*chosen_at_ms, heard_at);
        }
        self
    }

    /// When each of the choices was made, in milliseconds since 1970 in UTC.
    pub fn times(&self) -> impl Iterator<Item = u64> {
        let notices = self.notices.iter().map(|notice| notice.chosen_at_ms);
        notices.chain(self.items.iter().map(|item| item.chosen_at_ms))
    }
}

/// What decides which items a notice's choice goes to.
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

/// How one line of a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not final: still to be applied, or taken and not in effect yet.
    Pending,
    /// The vendor has taken it.
    Executed,
    /// It was so before.
    NoUpdateNeeded,
    /// The person came without an identifier that the vendor can act on.
    MissingIdentity,
    /// It should have been carried out and was not: somebody has to look.
    Refused,
    /// There is nothing to carry out here, and nobody has to look.
    NotApplicable,
}

/// What became of one notice or item of a request, in the request's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The notice, where one was asked for: its id, or what was written where there is none such.
    pub notice_id: Option<String>,
    /// The item; none where the answer is about the notice as a whole.
    pub item: Option<ItemId>,
    /// How it stands.
    pub status: Status,
    /// Why, for an operator.
    pub why: String,
}

/// A request on its way: what is still to be applied, and what became of the rest. It names no person, and can be kept
/// between two attempts.
///
/// [`of`](Self::of) makes it, [`preferences`](Self::preferences) are applied, [`conclude`](Self::conclude) takes the
/// answer, until nothing is left; before every later attempt [`against`](Self::against) drops what is no longer the
/// newest.
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
    /// The item above whose opt-out leaves this opt-in without effect.
    shadowed_by: Option<ItemId>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Open {
        chosen: Preference,
        /// What the vendor said when it took the choice without putting it into effect.
        taken: Option<String>,
    },
    Settled {
        status: Status,
        why: String,
    },
}

impl State {
    fn settled(status: Status, why: impl Into<String>) -> Self {
        Self::Settled { status, why: why.into() }
    }
}

impl Plan {
    /// What `requested` comes to under `terms`, for a person for whom `ledger` stands.
    pub fn of(requested: &Requested, terms: Terms<'_>, ledger: &Ledger) -> Self {
        let notices = requested.notices.iter().flat_map(|wanted| terms.lines_for(wanted));
        let items = requested.items.iter().map(|chosen| terms.line(None, chosen.clone()));
        Self { lines: notices.chain(items).collect() }.against(ledger)
    }

    /// The same, without what is no longer the newest choice: of two choices for one item in one request, too, the
    /// older one.
    #[must_use]
    pub fn against(mut self, ledger: &Ledger) -> Self {
        let mut newest = ledger.clone();
        for chosen in self.open() {
            let stands = choose(newest.get(&chosen.item), chosen).stands;
            newest.insert(chosen.item.clone(), stands);
        }
        for line in &mut self.lines {
            line.stand_against(&newest);
        }
        self
    }

    /// What is to be applied now, once an item, with the times of the choices; empty when all is settled.
    pub fn preferences(&self) -> Vec<Preference> {
        let mut once: Vec<Preference> = Vec::new();
        for chosen in self.open() {
            if !once.iter().any(|known| known.item == chosen.item) {
                once.push(chosen.clone());
            }
        }
        once
    }

    /// What became of each notice and item so far.
    pub fn report(&self) -> Vec<Entry> {
        self.lines.iter().map(Line::entry).collect()
    }

    fn open(&self) -> impl Iterator<Item = &Preference> {
        self.lines.iter().filter_map(|line| match &line.state {
            State::Open { chosen, .. } => Some(chosen),
            State::Settled { .. } => None,
        })
    }
}

impl Terms<'_> {
    /// A line for each item that stands for the notice, or one that says why there is none.
    fn lines_for(self, wanted: &NoticePreference) -> Vec<Line> {
        let Some(notice) = Notice::find(self.notices, &wanted.notice) else {
            // Refused and not passed over: an opt-out may be meant, and nobody would carry it out.
            let why = format!(
                "there is no notice `{}`: make it known, then send the preference again",
                wanted.notice
            );
            return Line::whole(&wanted.notice, Status::Refused, why);
        };
        if wanted.cause.as_ref().is_some_and(|cause| cause.came_from(self.connection)) {
            return Line::whole(&notice.id, Status::NoUpdateNeeded, "it came from here");
        }
        let choice = match propagates(notice, wanted.preference, self.system) {
            Ok(choice) => choice,
            Err(why) => return Line::whole(&notice.id, Status::NotApplicable, why.to_string()),
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
            return Line::whole(&notice.id, Status::NotApplicable, "no item of the vendor's stands for it");
        }
        lines
    }

    fn line(self, notice: Option<String>, chosen: Preference) -> Line {
        let (item, above) = (Some(chosen.item.clone()), self.above(&chosen.item));
        Line { notice, item, above, shadowed_by: None, state: State::Open { chosen, taken: None } }
    }

    /// The items that `item` belongs to, nearest first. What is saved may be no tree: nothing is named twice.
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
    /// The one line about a notice that comes to no item.
    fn whole(notice: &str, status: Status, why: impl Into<String>) -> Vec<Self> {
        let (notice, state) = (Some(notice.to_owned()), State::settled(status, why));
        vec![Self { notice, item: None, above: Vec::new(), shadowed_by: None, state }]
    }

    fn stand_against(&mut self, newest: &Ledger) {
        let State::Open { chosen, .. } = &self.state else {
            return;
        };
        let is_out = |item: &&ItemId| newest.get(*item).is_some_and(|known| known.choice == Choice::OptOut);
        let shadow = self.above.iter().find(is_out).filter(|_| chosen.choice == Choice::OptIn);
        self.shadowed_by = shadow.cloned();
        // A copy of another one's opt-out is no reason to leave this person's own unsent.
        let says_the_same = |stands: &&Recorded| {
            stands.is_of(chosen) || stands.origin == Origin::Merged && stands.choice == chosen.choice
        };
        let newer = newest.get(&chosen.item).filter(|stands| !says_the_same(stands));
        if let Some(newer) = newer {
            self.state = superseded(chosen, newer);
        }
    }

    fn entry(&self) -> Entry {
        let (status, why) = match &self.state {
            State::Open { taken: None, .. } => (Status::Pending, "still to be applied".to_owned()),
            State::Open { taken: Some(said), .. } => (Status::Pending, said.clone()),
            State::Settled { status, why } => (*status, why.clone()),
        };
        let why = match &self.shadowed_by {
            Some(above) if matches!(status, Status::Executed | Status::NoUpdateNeeded) => {
                format!("{why}; {} is opted out, which shadows this opt-in", titled(above))
            }
            _ => why,
        };
        Entry { notice_id: self.notice.clone(), item: self.item.clone(), status, why }
    }
}

fn superseded(chosen: &Preference, newer: &Recorded) -> State {
    let place = match newer.origin {
        Origin::Platform => "at the platform",
        Origin::Vendor | Origin::Reading => "at the vendor",
        Origin::Merged => "by a person who shared an identifier",
    };
    let choice = newer.choice;
    if choice == chosen.choice {
        State::settled(Status::NoUpdateNeeded, format!("a newer {choice}, made {place}, says the same"))
    } else if second(newer.chosen_at_ms) == second(chosen.chosen_at_ms) {
        State::settled(Status::NotApplicable, format!("an {choice} made {place} in the same second stands"))
    } else {
        State::settled(Status::NotApplicable, format!("a newer {choice}, made {place}, stands"))
    }
}

#[cfg(test)]
mod tests;
