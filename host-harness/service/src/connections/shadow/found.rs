//! What came of comparing two versions. Contains no personal data.

use std::{collections::BTreeMap, time::Duration};

use host_harness::shadow::{BehaviourDifference, DifferenceKind};
use serde::{Deserialize, Serialize};
use strum::Display;

/// How long a comparison may take. A connector in Rust takes a few milliseconds for each delivery.
pub(super) const MAX_SHADOW: Duration = Duration::from_mins(1);

/// What was replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ReplayedKind {
    /// A stored delivery of a webhook.
    Delivery,
    /// A request to erase a person.
    Erasure,
    /// The confirmation of an erasure.
    Confirmation,
    /// A request to apply choices.
    Consent,
    /// A request to read choices.
    Reading,
    /// A request that was not opened, so that its kind is not known.
    Request,
}

/// Why something was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum WhyNotCompared {
    /// Its data is no longer kept.
    NotKept,
    /// Its stored data cannot be read.
    Unreadable,
    /// The time of the comparison was over.
    OutOfTime,
    /// The version that gave the reference confirms the erasure, whichever one serves.
    ByItsWriter,
    /// One of the versions does not offer the interface.
    NotOffered,
    /// The connection's settings do not suit the new version.
    NotSuited,
    /// The connection is not served.
    NotServed,
    /// The host had no room for the call.
    NoRoom,
}

impl WhyNotCompared {
    /// Returns it in words.
    pub fn words(self) -> String {
        match self {
            Self::NotKept => "no longer kept".to_owned(),
            Self::Unreadable => "the stored data cannot be read".to_owned(),
            Self::OutOfTime => format!("the {} s of the comparison had passed", MAX_SHADOW.as_secs()),
            Self::ByItsWriter => "confirmed by the version that gave the reference".to_owned(),
            Self::NotOffered => "one of the versions does not offer the interface".to_owned(),
            Self::NotSuited => "the connection's settings do not suit the new version".to_owned(),
            Self::NotServed => "the connection is not served".to_owned(),
            Self::NoRoom => "the host had no room for the call".to_owned(),
        }
    }
}

/// A difference, with the number of times that it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FoundDifference {
    /// The key of the connection.
    pub connection: String,
    /// What was replayed.
    pub what: ReplayedKind,
    /// The kind of the difference.
    pub kind: DifferenceKind,
    /// Both versions, in words from their manifests; empty if the kind says everything.
    pub detail: String,
    /// How often it was found.
    pub count: u32,
}

impl FoundDifference {
    /// Returns it as a sentence.
    pub fn sentence(&self) -> String {
        let Self { connection, what, count, .. } = self;
        format!("connection {connection}: {}: {}", counted(*count, *what), self.words())
    }

    /// Returns what an approval covers: the same difference of any connection, however often it is found.
    pub(crate) fn approvable(&self) -> String {
        format!("{}: {}", self.what, self.words())
    }

    fn words(&self) -> String {
        let Self { kind, detail, .. } = self;
        if detail.is_empty() { kind.words().to_owned() } else { format!("{}: {detail}", kind.words()) }
    }
}

/// What was not compared, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NotCompared {
    /// The key of the connection.
    pub connection: String,
    /// What was to be replayed.
    pub what: ReplayedKind,
    /// Why it was not.
    pub why: WhyNotCompared,
    /// How many of them there are.
    pub count: u32,
}

impl NotCompared {
    /// Returns it as a sentence.
    pub fn sentence(&self) -> String {
        let Self { connection, what, why, count } = self;
        format!("connection {connection}: {}: {}", counted(*count, *what), why.words())
    }
}

/// What came of comparing a version with the one that serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowReport {
    /// The digest of the version that serves; `None` if the plugin is new, so that there is nothing to compare.
    pub against: Option<String>,
    /// How many were compared of each.
    pub compared: BTreeMap<ReplayedKind, u32>,
    /// The differences.
    pub differences: Vec<FoundDifference>,
    /// What was not compared.
    pub not_compared: Vec<NotCompared>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl ShadowReport {
    /// Returns a sentence for each difference.
    pub fn sentences(&self) -> Vec<String> {
        self.differences.iter().map(FoundDifference::sentence).collect()
    }

    pub(super) fn add_compared(
        &mut self,
        connection: &str,
        what: ReplayedKind,
        difference: Option<BehaviourDifference>,
    ) {
        *self.compared.entry(what).or_default() += 1;
        let Some(BehaviourDifference { kind, detail }) = difference else { return };
        let found = FoundDifference { connection: connection.to_owned(), what, kind, detail, count: 0 };
        let same = |known: &FoundDifference| FoundDifference { count: 0, ..known.clone() } == found;
        let at = self.differences.iter().position(same).unwrap_or_else(|| {
            self.differences.push(found);
            self.differences.len() - 1
        });
        if let Some(found) = self.differences.get_mut(at) {
            found.count += 1;
        }
    }

    pub(super) fn add_not_compared(&mut self, connection: &str, what: ReplayedKind, why: WhyNotCompared) {
        let same = |known: &&mut NotCompared| {
            known.connection == connection && known.what == what && known.why == why
        };
        if let Some(known) = self.not_compared.iter_mut().find(same) {
            known.count += 1;
            return;
        }
        self.not_compared.push(NotCompared { connection: connection.to_owned(), what, why, count: 1 });
    }
}

/// Returns a number with its noun.
fn counted(count: u32, what: ReplayedKind) -> String {
    let (one, many) = match what {
        ReplayedKind::Delivery => ("delivery", "deliveries"),
        ReplayedKind::Erasure => ("erasure", "erasures"),
        ReplayedKind::Confirmation => ("confirmation", "confirmations"),
        ReplayedKind::Consent => ("consent", "consents"),
        ReplayedKind::Reading => ("reading", "readings"),
        ReplayedKind::Request => ("request", "requests"),
    };
    format!("{count} {}", if count == 1 { one } else { many })
}
