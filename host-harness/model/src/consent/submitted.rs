//! Choices as a platform submits them: their times may be left out.

use serde::{Deserialize, Serialize};

use super::{Cause, NoticeAnswer, NoticePreference, newest::clamp_time, outbound::PlatformRequest};
use crate::contract::consent::{Choice, ItemId, Preference};

/// What a platform submits for one person at one connection. Its JSON identifies a request that is sent again, so it does
/// not contain times that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubmittedChoices {
    /// Choices about notices.
    pub notices: Vec<SubmittedNoticeChoice>,
    /// Choices about individual items.
    pub items: Vec<SubmittedItemChoice>,
}

/// A choice about a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedNoticeChoice {
    /// The notice's id or key.
    pub notice: String,
    /// The answer.
    pub preference: NoticeAnswer,
    /// In milliseconds since 1970 in UTC; `None` for the time of arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_at_ms: Option<u64>,
    /// Where it was chosen, in the source's own words.
    pub source: String,
    /// The event it was derived from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// A choice about an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SubmittedItemChoice {
    /// The item.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
    /// In milliseconds since 1970 in UTC; `None` for the time of arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_at_ms: Option<u64>,
    /// Where it was chosen, in the source's own words.
    pub source: String,
}

impl SubmittedChoices {
    /// Returns the choices with the time of arrival, `at`, in place of each time that was left out or is later: clocks
    /// differ, and no choice is made in the future.
    pub fn arrived(&self, at: i64) -> PlatformRequest {
        let time = |chosen_at_ms: Option<u64>| clamp_time(chosen_at_ms.unwrap_or(u64::MAX), at);
        let notice =
            |SubmittedNoticeChoice { notice, preference, chosen_at_ms, source, cause }: SubmittedNoticeChoice| {
                NoticePreference { notice, preference, chosen_at_ms: time(chosen_at_ms), source, cause }
            };
        let item = |SubmittedItemChoice { item, choice, chosen_at_ms, source }: SubmittedItemChoice| {
            Preference { item, choice, chosen_at_ms: time(chosen_at_ms), source }
        };
        PlatformRequest {
            notices: self.notices.iter().cloned().map(notice).collect(),
            items: self.items.iter().cloned().map(item).collect(),
        }
    }

    /// Returns the times that were not left out, in milliseconds since 1970 in UTC.
    pub fn times(&self) -> impl Iterator<Item = u64> {
        let notices = self.notices.iter().filter_map(|notice| notice.chosen_at_ms);
        notices.chain(self.items.iter().filter_map(|item| item.chosen_at_ms))
    }
}

impl From<Preference> for SubmittedItemChoice {
    fn from(Preference { item, choice, chosen_at_ms, source }: Preference) -> Self {
        Self { item, choice, chosen_at_ms: Some(chosen_at_ms), source }
    }
}

impl From<NoticePreference> for SubmittedNoticeChoice {
    fn from(NoticePreference { notice, preference, chosen_at_ms, source, cause }: NoticePreference) -> Self {
        Self { notice, preference, chosen_at_ms: Some(chosen_at_ms), source, cause }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn submitted(time: Option<u64>) -> SubmittedChoices {
        let json = json!({
            "notices": [{"notice": "n-1", "preference": "opt_out", "chosen_at_ms": time, "source": "s"}],
            "items": [{"item": {"kind": "channel", "id": "1"}, "choice": "opt-in", "chosen-at-ms": time, "source": "s"}],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_time_that_is_left_out_or_ahead_is_that_of_arrival() {
        for (time, expected) in [(None, 17_000), (Some(16_000), 16_000), (Some(18_000), 17_000)] {
            let arrived = submitted(time).arrived(17_000);
            assert_eq!(
                (arrived.notices[0].chosen_at_ms, arrived.items[0].chosen_at_ms),
                (expected, expected)
            );
        }
        assert_eq!(submitted(None).times().count(), 0);
        assert_eq!(submitted(Some(5)).times().collect::<Vec<_>>(), [5, 5]);
    }

    /// The text of version 0.1.0 is part of the digest under which an idempotency key is known.
    #[test]
    fn choices_with_times_are_written_as_they_always_were() {
        let dated = submitted(Some(5));
        let text = json!(dated).to_string();
        assert_eq!(text, json!(dated.arrived(9)).to_string());
        let undated: Value = json!(submitted(None));
        assert!(!undated.to_string().contains("chosen"), "{undated}");
    }
}
