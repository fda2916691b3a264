//! The newest choice wins, by the time of the choice and never by that of its arrival.
//!
//! The rules apply to one item of one person at a time. They take the recorded choice ([`RecordedChoice`]), the
//! incoming one, and our own writes ([`Write`]). Times are compared by whole second; within the same second, the
//! opt-out wins.
//!
//! | incoming | compared with | result |
//! |---|---|---|
//! | a choice at the platform | the time of the recorded choice | newer: recorded; else [`Old`](Novelty::Old) |
//! | a vendor event with the choice of one of our writes, dated in the second it was sent or up to [`ECHO_MS`] later | nothing | [`Echo`](Novelty::Echo): changes neither the choice nor its time |
//! | any other vendor event | the time of the recorded choice; if that is the other choice and came from a reading, the time of the reading | newer: recorded; else `Old` |
//! | a reading while nothing is recorded | | recorded as older than any choice: it shows the current state, not that a person chose it |
//! | a reading of the recorded choice | | [`Confirmed`](Novelty::Confirmed) |
//! | a reading of the other choice, within [`ECHO_MS`] of a write or before the platform's choice was written | | `Old`: the vendor may not show the write yet |
//! | any other reading of the other choice | the time of the recorded choice | newer: recorded, since an event was lost. An opt-out gets the latest possible time, an opt-in the earliest |
//!
//! A choice that is recorded is [`Changed`](Novelty::Changed) if it has not been announced yet, else `Confirmed`: only
//! `Changed` is news for the other side.
//!
//! An echo's time is the time at which the vendor accepted our write. Events are not compared with it, because the
//! person may have chosen between our choice and the moment it took effect. The time does show whether the vendor may
//! now hold the other choice because our write overwrote the person's newer one. [`JudgedChoice::restore`] then
//! requests that the recorded choice is written again.
//!
//! One limitation: a choice that a person makes at the vendor within [`ECHO_MS`] of our own write of the same choice
//! cannot be distinguished from its echo and is treated as one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

use super::echo::{ECHO_MS, SECOND_MS, Write, is_echo, second};
use crate::contract::consent::{Choice, ItemId, Preference};

/// Where a recorded choice came from.
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
    /// Copied from a record that several people shared: one of them made the choice.
    Merged,
}

/// A person's newest known choice for an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedChoice {
    /// In or out.
    pub choice: Choice,
    /// In milliseconds since 1970 in UTC; 0 if a reading found it and no person is known to have made it.
    pub chosen_at_ms: u64,
    /// When the vendor last changed or showed the item's choice, if known.
    pub vendor_at_ms: Option<u64>,
    /// Where it came from.
    pub origin: Origin,
    /// Where it was chosen, in the source's own words.
    pub source: String,
}

/// The recorded choice for each item of one person at one connection.
pub type RecordedChoices = BTreeMap<ItemId, RecordedChoice>;

/// How an incoming choice relates to the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// A choice that has not been announced yet.
    Changed,
    /// The choice that was already recorded, possibly with a new date.
    Confirmed,
    /// The echo of our own write.
    Echo,
    /// Late, repeated, or too early to decide: nothing changes.
    Old,
}

/// The result of judging an incoming choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedChoice {
    /// The record to store.
    pub stands: RecordedChoice,
    /// How the incoming choice relates to the one recorded before.
    pub news: Novelty,
    /// Whether the vendor may hold the other choice, so that the recorded one must be written again unless a write of
    /// it is already waiting.
    pub restore: bool,
}

impl RecordedChoice {
    /// Returns whether it is exactly this choice, made at this time.
    pub fn is_of(&self, chosen: &Preference) -> bool {
        self.choice == chosen.choice && second(self.chosen_at_ms) == second(chosen.chosen_at_ms)
    }

    fn of(chosen: &Preference, origin: Origin, vendor_at_ms: Option<u64>) -> Self {
        let (choice, chosen_at_ms) = (chosen.choice, chosen.chosen_at_ms);
        Self { choice, chosen_at_ms, vendor_at_ms, origin, source: chosen.source.clone() }
    }

    /// Returns whether the choice is not known to be this person's own.
    fn is_found(&self) -> bool {
        self.origin == Origin::Merged || self.origin == Origin::Reading && self.chosen_at_ms == 0
    }

    /// Returns the second that a choice made at the vendor must be newer than.
    fn second_for(&self, choice: Choice) -> u64 {
        let proven = match self.origin {
            Origin::Reading if choice != self.choice => self.vendor_at_ms.unwrap_or(0),
            // The person's own choice is news, whatever its date.
            Origin::Merged if choice == self.choice => return 0,
            _ => 0,
        };
        second(self.chosen_at_ms.max(proven))
    }

    /// Returns the second since which the vendor has held the choice, or at which it was last written there. `None` if
    /// it has not been written yet.
    fn held_since(&self, writes: &[Write]) -> Option<u64> {
        if self.origin == Origin::Merged {
            // The writes may have been for another person who shared the record.
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

    fn news_after(&self, before: &Self) -> Novelty {
        if self.choice == before.choice && !before.is_found() { Novelty::Confirmed } else { Novelty::Changed }
    }

    /// Returns whether the vendor may have switched to the other choice since: because of our own write, or because of
    /// what it changed or showed at `other_at_ms`.
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

/// Judges a choice made at the platform. It will be written anyway, so `restore` is never set.
pub fn choose(stands: Option<&RecordedChoice>, chosen: &Preference) -> JudgedChoice {
    let Some(stands) = stands else {
        return JudgedChoice {
            stands: RecordedChoice::of(chosen, Origin::Platform, None),
            news: Novelty::Changed,
            restore: false,
        };
    };
    if !is_newer(chosen, stands.choice, second(stands.chosen_at_ms)) {
        return JudgedChoice::unchanged(stands.clone(), Novelty::Old);
    }
    let taken = RecordedChoice::of(chosen, Origin::Platform, stands.vendor_at_ms);
    JudgedChoice { news: taken.news_after(stands), stands: taken, restore: false }
}

/// Judges a choice that the vendor reports in an event, given our own writes.
pub fn hear(stands: Option<&RecordedChoice>, event: &Preference, writes: &[Write]) -> JudgedChoice {
    let shown = Some(event.chosen_at_ms);
    let Some(stands) = stands else {
        let taken = RecordedChoice::of(event, Origin::Vendor, shown);
        return JudgedChoice {
            restore: taken.is_overwritten(None, writes),
            stands: taken,
            news: Novelty::Changed,
        };
    };
    let seen = RecordedChoice { vendor_at_ms: shown.max(stands.vendor_at_ms), ..stands.clone() };
    // While a record was shared, a write may have been for another person.
    let is_echo = stands.origin != Origin::Merged && is_echo(event, writes);
    if is_echo || !is_newer(event, stands.choice, stands.second_for(event.choice)) {
        let restore = event.choice != stands.choice && seen.is_overwritten(shown, writes);
        return JudgedChoice {
            stands: seen,
            news: if is_echo { Novelty::Echo } else { Novelty::Old },
            restore,
        };
    }
    let mut taken = RecordedChoice::of(event, Origin::Vendor, seen.vendor_at_ms);
    if taken.choice == stands.choice {
        // A choice that was copied from another person's record may be the later one.
        taken.chosen_at_ms = taken.chosen_at_ms.max(stands.chosen_at_ms);
    }
    // What the vendor showed last was the recorded choice; if that is the same one, it overwrote nothing.
    let other_at_ms = stands.vendor_at_ms.filter(|_| taken.choice != stands.choice);
    let restore = taken.is_overwritten(other_at_ms, writes);
    JudgedChoice { news: taken.news_after(stands), stands: taken, restore }
}

/// Judges the choice that the vendor held at `read_at_ms`. Must only be called if no write is waiting for the person.
pub fn read(
    stands: Option<&RecordedChoice>,
    held: Choice,
    read_at_ms: u64,
    writes: &[Write],
) -> JudgedChoice {
    let found = |chosen_at_ms| RecordedChoice {
        choice: held,
        chosen_at_ms,
        vendor_at_ms: Some(read_at_ms),
        origin: Origin::Reading,
        source: "reading".to_owned(),
    };
    let Some(stands) = stands else {
        return JudgedChoice::unchanged(found(0), Novelty::Confirmed);
    };
    if held == stands.choice && stands.origin == Origin::Merged {
        // It is this person's own choice, and it has not been announced.
        let vendor_at_ms = stands.vendor_at_ms.max(Some(read_at_ms));
        let own = RecordedChoice { vendor_at_ms, origin: Origin::Reading, ..stands.clone() };
        return JudgedChoice::unchanged(own, Novelty::Changed);
    }
    if held == stands.choice {
        let vendor_at_ms = stands.vendor_at_ms.max(Some(read_at_ms));
        return JudgedChoice::unchanged(
            RecordedChoice { vendor_at_ms, ..stands.clone() },
            Novelty::Confirmed,
        );
    }
    let is_settling = writes.iter().any(|write| write.sent_at_ms.saturating_add(ECHO_MS) >= read_at_ms);
    let is_unwritten = stands.held_since(writes).is_none();
    if is_settling || is_unwritten || second(read_at_ms) <= second(stands.chosen_at_ms) {
        return JudgedChoice::unchanged(stands.clone(), Novelty::Old);
    }
    let taken = found(match held {
        Choice::OptIn => stands.chosen_at_ms.saturating_add(SECOND_MS),
        Choice::OptOut => read_at_ms,
    });
    JudgedChoice::unchanged(taken, Novelty::Changed)
}

impl JudgedChoice {
    fn unchanged(stands: RecordedChoice, news: Novelty) -> Self {
        Self { stands, news, restore: false }
    }
}

/// Limits the time of a choice to `heard_at`, the time at which it arrived, both in milliseconds since 1970. A choice
/// dated in the future would win over every later one and could not have come from our own writes.
pub fn clamp_time(chosen_at_ms: u64, heard_at: i64) -> u64 {
    chosen_at_ms.min(u64::try_from(heard_at).unwrap_or(0))
}

/// Returns the second of the last write of `choice`.
fn sent(writes: &[Write], choice: Choice) -> Option<u64> {
    writes.iter().filter(|write| write.choice == choice).map(|write| second(write.sent_at_ms)).max()
}

fn is_newer(chosen: &Preference, than: Choice, at: u64) -> bool {
    let when = second(chosen.chosen_at_ms);
    when > at || (when == at && chosen.choice == Choice::OptOut && than == Choice::OptIn)
}

#[cfg(test)]
mod tests;
