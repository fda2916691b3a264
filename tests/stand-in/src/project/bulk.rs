//! Bulk changes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::memory::Project;
use super::profiles::Change;
use super::target::PersonRef;
use crate::refusal::Refusal;
use crate::switches::OptIn;

/// The answer to a bulk change.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    successes: usize,
    /// The identifiers of failed changes, by their list in `failedUpdates`.
    failed: BTreeMap<&'static str, Vec<String>>,
}

impl Project {
    /// Changes many people, as `users/bulkUpdate` does: each one independently, without subscription events.
    pub(crate) fn bulk_update(&mut self, changes: &[Change]) -> Result<Bulk, Refusal> {
        if changes.is_empty() {
            return Err(Refusal::InvalidEmail(String::new()));
        }
        let mut bulk = Bulk::default();
        for change in changes {
            match self.update(change) {
                Ok(()) => {
                    bulk.successes += 1;
                    self.set_opt_outs(change);
                }
                Err(refusal) => bulk.fail(&refusal, change),
            }
        }
        Ok(bulk)
    }

    /// Applies the opt-outs that a bulk change may carry if opt-in types are off.
    fn set_opt_outs(&mut self, change: &Change) {
        let ids = |name: &str| {
            let items = change.data.get(name)?.as_array()?;
            Some(items.iter().filter_map(Value::as_i64).collect::<Vec<_>>())
        };
        let (channels, types) = (ids("unsubscribedChannelIds"), ids("unsubscribedMessageTypeIds"));
        if self.switches.opt_in == OptIn::On || (channels.is_none() && types.is_none()) {
            return;
        }
        let Ok(target) = self.target(PersonRef::new(change.email.as_ref(), change.user_id.as_ref())) else {
            return;
        };
        let person = self.find_or_create(&target);
        self.people.edit(person, self.now, |profile| {
            let subscriptions = profile.subscriptions.get_or_insert_default();
            if let Some(ids) = channels {
                subscriptions.unsubscribed_channels = ids;
            }
            if let Some(ids) = types {
                subscriptions.unsubscribed_message_types = ids;
            }
        });
    }
}

impl Bulk {
    fn fail(&mut self, refusal: &Refusal, change: &Change) {
        let by_email = change.email.is_some();
        let list = match (refusal, by_email) {
            (Refusal::InvalidEmail(_), _) => "invalidEmails",
            (Refusal::InvalidUserId(_), _) => "invalidUserIds",
            (Refusal::Forgotten, true) => "forgottenEmails",
            (Refusal::Forgotten, false) => "forgottenUserIds",
            (Refusal::Taken(_), true) => "conflictEmails",
            (Refusal::Taken(_), false) => "conflictUserIds",
            (Refusal::UnknownUserIdError(_), _) => "notFoundUserIds",
            (_, true) => "invalidDataEmails",
            (_, false) => "invalidDataUserIds",
        };
        let named = change.email.clone().or_else(|| change.user_id.clone()).unwrap_or_default();
        self.failed.entry(list).or_default().push(named);
    }

    pub(crate) fn body(&self) -> Value {
        let list = |name: &str| self.failed.get(name).cloned().unwrap_or_default();
        let named = |name: &&str| ((*name).to_owned(), json!(list(name)));
        let failed: Map<String, Value> = [
            "invalidEmails",
            "invalidUserIds",
            "notFoundEmails",
            "notFoundUserIds",
            "invalidDataEmails",
            "invalidDataUserIds",
            "conflictEmails",
            "conflictUserIds",
            "forgottenEmails",
            "forgottenUserIds",
        ]
        .iter()
        .map(named)
        .collect();
        json!({
            "successCount": self.successes,
            "failCount": self.failed.values().map(Vec::len).sum::<usize>(),
            "invalidEmails": list("invalidEmails"),
            "invalidUserIds": list("invalidUserIds"),
            "filteredOutFields": [],
            "createdFields": [],
            "noOpEmails": [],
            "noOpUserIds": [],
            "failedUpdates": failed,
        })
    }
}
