//! The newest choice wins, by the time of the choice and never by that of its arrival.
//!
//! One item of one person at a time: what stands ([`Recorded`]), what is heard, and what of it we caused ourselves
//! ([`Write`]). Times compare by whole second; within one, the opt-out wins.
//!
//! | heard | compared with | then |
//! |---|---|---|
//! | a choice at the platform | the time of what stands | newer: taken; else [`Old`](News::Old) |
//! | the vendor's event, with the choice of one of our writes, from the second of its sending on and within [`ECHO_MS`] | not at all | [`Echo`](News::Echo): it changes no choice and no time of one |
//! | any other event of the vendor's | the time of what stands; where that was read and is the other choice, the time of reading | newer: taken; else `Old` |
//! | a reading, where nothing stands yet | | kept as older than any choice: it says how things are, not that anybody chose |
//! | a reading of what stands | | [`Confirmed`](News::Confirmed) |
//! | a reading of the other choice, within [`ECHO_MS`] of a write or before the platform's choice was written | | `Old`: the vendor may not show it yet |
//! | any other reading of the other choice | the time of what stands | newer: taken: an event was lost. An opt-out is dated as late as it may have been chosen, an opt-in as early |
//!
//! What is taken is [`Changed`](News::Changed) where nobody was told of this choice yet, else `Confirmed`: only the
//! former is news for the other side.
//!
//! An echo's time says when the vendor took our write. Events are not compared with it, for a person may have chosen
//! between our choice and its taking effect. It tells something else: whether the vendor may hold the other choice now,
//! because our write went over the person's newer one. [`Judged::restore`] then asks for what stands to be written again.
//!
//! One limit: what a person chooses at the vendor within [`ECHO_MS`] of a write of ours with the same choice cannot be
//! told from its echo, and counts as one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use super::echo::{ECHO_MS, SECOND_MS, Write, is_echo, second};
use crate::contract::consent::{Choice, ItemId, Preference};

/// Where a recorded choice was heard of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Origin {
    /// The platform sent it.
    Platform,
    /// The vendor sent an event about it.
    Vendor,
    /// The vendor was asked what it holds.
    Reading,
    /// Copied from a record that several people shared: one of them made it.
    Merged,
}

/// A person's newest choice for an item, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recorded {
    /// In or out.
    pub choice: Choice,
    /// In milliseconds since 1970 in UTC; 0 where a reading found it and nobody is known to have chosen.
    pub chosen_at_ms: u64,
    /// When the vendor last did or showed something about the item, as far as is known.
    pub vendor_at_ms: Option<u64>,
    /// Where it was heard of.
    pub origin: Origin,
    /// In the words of where it was chosen.
    pub source: String,
}

/// What stands for each item of one person at one connection.
pub type Ledger = BTreeMap<ItemId, Recorded>;

/// What something heard is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A choice that nobody was told of.
    Changed,
    /// What stood before, perhaps newly dated.
    Confirmed,
    /// Our own write, come back.
    Echo,
    /// Late, repeated, or too early to tell: nothing changes.
    Old,
}

/// What became of something heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What stands now: to be stored.
    pub stands: Recorded,
    /// What it is worth.
    pub news: News,
    /// The vendor may hold the other choice: what stands is to be written again, unless a write of it is waiting.
    pub restore: bool,
}

impl Recorded {
    /// Whether it is exactly the choice that was made then.
    pub fn is_of(&self, chosen: &Preference) -> bool {
        self.choice == chosen.choice && second(self.chosen_at_ms) == second(chosen.chosen_at_ms)
    }

    fn of(chosen: &Preference, origin: Origin, vendor_at_ms: Option<u64>) -> Self {
        let (choice, chosen_at_ms) = (chosen.choice, chosen.chosen_at_ms);
        Self { choice, chosen_at_ms, vendor_at_ms, origin, source: chosen.source.clone() }
    }

    /// Whether this person is not known to have chosen it.
    fn is_found(&self) -> bool {
        self.origin == Origin::Merged || self.origin == Origin::Reading && self.chosen_at_ms == 0
    }

    /// The second that a choice made at the vendor must be newer than.
    fn second_for(&self, choice: Choice) -> u64 {
        let proven = match self.origin {
            Origin::Reading if choice != self.choice => self.vendor_at_ms.unwrap_or(0),
            // The person's own act, whenever it was, is news.
            Origin::Merged if choice == self.choice => return 0,
            _ => 0,
        };
        second(self.chosen_at_ms.max(proven))
    }

    /// The second since which the vendor has held the choice, or was last told to; none where it is still to be told.
    fn held_since(&self, writes: &[Write]) -> Option<u64> {
        if self.origin == Origin::Merged {
            // The writes may have been about another one of those who shared the record.
            return None;
        }
        let chosen = second(self.chosen_at_ms);
        let written = sent(writes, self.choice).filter(|sent| *sent >= chosen);
        let own = match self.origin {
            Origin::Platform | Origin::Merged => None,
            Origin::Vendor => Some(chosen),
            Origin::Reading => self.vendor_at_ms.map(second),
        };
        written.max(own)
    }

    fn news_after(&self, before: &Self) -> News {
        if self.choice == before.choice && !before.is_found() { News::Confirmed } else { News::Changed }
    }

    /// Whether the vendor may have gone over to the other choice since: by a write of ours, or by what it did or showed
    /// at `other_at_ms`.
    fn is_overwritten(&self, other_at_ms: Option<u64>, writes: &[Write]) -> bool {
        let Some(since) = self.held_since(writes) else {
            return false;
        };
        let other = match self.choice {
            Choice::OptIn => Choice::OptOut,
            Choice::OptOut => Choice::OptIn,
        };
        sent(writes, other).max(other_at_ms.map(second)).is_some_and(|other| other >= since)
    }
}

/// A choice made at the platform. It has yet to be written, so nothing is ever to be restored.
pub fn choose(stands: Option<&Recorded>, chosen: &Preference) -> Judged {
    let Some(stands) = stands else {
        return Judged {
            stands: Recorded::of(chosen, Origin::Platform, None),
            news: News::Changed,
            restore: false,
        };
    };
    if !is_newer(chosen, stands.choice, second(stands.chosen_at_ms)) {
        return Judged::unmoved(stands.clone(), News::Old);
    }
    let taken = Recorded::of(chosen, Origin::Platform, stands.vendor_at_ms);
    Judged { news: taken.news_after(stands), stands: taken, restore: false }
}

/// A choice that the vendor tells of, given what we wrote to it ourselves.
pub fn hear(stands: Option<&Recorded>, event: &Preference, writes: &[Write]) -> Judged {
    let shown = Some(event.chosen_at_ms);
    let Some(stands) = stands else {
        let taken = Recorded::of(event, Origin::Vendor, shown);
        return Judged { restore: taken.is_overwritten(None, writes), stands: taken, news: News::Changed };
    };
    let seen = Recorded { vendor_at_ms: shown.max(stands.vendor_at_ms), ..stands.clone() };
    // While a record was shared, a write may have been about another one.
    let is_echo = stands.origin != Origin::Merged && is_echo(event, writes);
    if is_echo || !is_newer(event, stands.choice, stands.second_for(event.choice)) {
        let restore = event.choice != stands.choice && seen.is_overwritten(shown, writes);
        return Judged { stands: seen, news: if is_echo { News::Echo } else { News::Old }, restore };
    }
    let mut taken = Recorded::of(event, Origin::Vendor, seen.vendor_at_ms);
    if taken.choice == stands.choice {
        // A choice that was copied from another one's record may be the later one.
        taken.chosen_at_ms = taken.chosen_at_ms.max(stands.chosen_at_ms);
    }
    // What the vendor showed last was the choice that stood; where that is the same one, it overwrote nothing.
    let other_at_ms = stands.vendor_at_ms.filter(|_| taken.choice != stands.choice);
    let restore = taken.is_overwritten(other_at_ms, writes);
    Judged { news: taken.news_after(stands), stands: taken, restore }
}

/// What the vendor held at `read_at_ms`. To be asked only where nothing waits to be written for the person.
pub fn read(stands: Option<&Recorded>, held: Choice, read_at_ms: u64, writes: &[Write]) -> Judged {
    let found = |chosen_at_ms| Recorded {
        choice: held,
        chosen_at_ms,
        vendor_at_ms: Some(read_at_ms),
        origin: Origin::Reading,
        source: "reading".to_owned(),
    };
    let Some(stands) = stands else {
        return Judged::unmoved(found(0), News::Confirmed);
    };
    if held == stands.choice && stands.origin == Origin::Merged {
        // It is this person's own, and nobody was told.
        let vendor_at_ms = stands.vendor_at_ms.max(Some(read_at_ms));
        let own = Recorded { vendor_at_ms, origin: Origin::Reading, ..stands.clone() };
        return Judged::unmoved(own, News::Changed);
    }
    if held == stands.choice {
        let vendor_at_ms = stands.vendor_at_ms.max(Some(read_at_ms));
        return Judged::unmoved(Recorded { vendor_at_ms, ..stands.clone() }, News::Confirmed);
    }
    let is_settling = writes.iter().any(|write| write.sent_at_ms.saturating_add(ECHO_MS) >= read_at_ms);
    let is_unwritten = stands.held_since(writes).is_none();
    if is_settling || is_unwritten || second(read_at_ms) <= second(stands.chosen_at_ms) {
        return Judged::unmoved(stands.clone(), News::Old);
    }
    let taken = found(match held {
        Choice::OptIn => stands.chosen_at_ms.saturating_add(SECOND_MS),
        Choice::OptOut => read_at_ms,
    });
    Judged::unmoved(taken, News::Changed)
}

impl Judged {
    fn unmoved(stands: Recorded, news: News) -> Self {
        Self { stands, news, restore: false }
    }
}

/// When a choice was made that was heard of at `heard_at`, both in milliseconds since 1970: one dated ahead would win over
/// every later one, and no write of ours could ever have told it.
pub fn by_then(chosen_at_ms: u64, heard_at: i64) -> u64 {
    chosen_at_ms.min(u64::try_from(heard_at).unwrap_or(0))
}

/// The second of the last write of `choice`.
fn sent(writes: &[Write], choice: Choice) -> Option<u64> {
    writes.iter().filter(|write| write.choice == choice).map(|write| second(write.sent_at_ms)).max()
}

fn is_newer(chosen: &Preference, than: Choice, at: u64) -> bool {
    let when = second(chosen.chosen_at_ms);
    when > at || (when == at && chosen.choice == Choice::OptOut && than == Choice::OptIn)
}

#[cfg(test)]
mod tests;
