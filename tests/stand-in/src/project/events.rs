//! Events: recorded with the person and delivered to every webhook that has selected them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::memory::Project;
use super::people::{PersonId, Profile};
use super::target::PersonRef;
use super::webhook::Webhook;
use crate::clock::{later, written};
use crate::refusal::Refusal;
use crate::switches::{DeliveryFault, EventShape};

impl Project {
    /// Emits an event about a person. `fields` become its `dataFields`; the person and the time are added if missing.
    pub(super) fn emit(&mut self, person: PersonId, name: &str, mut fields: Map<String, Value>) {
        let Some(profile) = self.people.latest(person).cloned() else { return };
        let mut add = |name: &str, value: Value| {
            fields.entry(name).or_insert(value);
        };
        add("createdAt", json!(written(self.now)));
        if let Some(email) = &profile.email {
            add("email", json!(email));
        }
        if let Some(id) = &profile.user_id {
            add("userId", json!(id));
        }
        let mut noted = fields.clone();
        noted.insert("eventType".to_owned(), json!(name));
        self.people.note(person, Value::Object(noted));
        let body = shaped(self.switches.event_shape, self.now, &profile, name, fields);
        let ticked = |webhook: &&Webhook| webhook.enabled && webhook.events.contains(name);
        let webhooks: Vec<i64> = self.webhooks.iter().filter(ticked).map(|webhook| webhook.id).collect();
        for webhook in webhooks {
            self.hand_over(webhook, &body);
        }
    }

    /// Delivers any body to every enabled webhook: JSON, or the text of a string verbatim.
    pub fn deliver(&mut self, body: &Value) {
        let enabled = self.webhooks.iter().filter(|webhook| webhook.enabled);
        for webhook in enabled.map(|webhook| webhook.id).collect::<Vec<_>>() {
            self.hand_over(webhook, body);
        }
    }

    /// Records an event that the customer tracks. It triggers no webhook.
    pub(crate) fn track(&mut self, person: PersonRef<'_>, event: Value) -> Result<(), Refusal> {
        let target = self.target(person)?;
        let person = self.find_or_create(&target);
        self.people.note(person, event);
        Ok(())
    }

    fn hand_over(&mut self, webhook: i64, body: &Value) {
        let after = |seconds| later(self.now, SignedDuration::from_secs(seconds));
        let (due, times) = match self.switches.delivery_fault {
            DeliveryFault::Duplicate => (after(0), 2),
            DeliveryFault::Reorder if self.outbox.counted().is_multiple_of(2) => (after(60), 1),
            DeliveryFault::None | DeliveryFault::Reorder => (after(0), 1),
            DeliveryFault::Late => (after(300), 1),
            DeliveryFault::Drop => return self.outbox.lose(webhook, body.clone(), after(0)),
        };
        for _ in 0..times {
            self.outbox.put(webhook, body.clone(), due);
        }
    }
}

fn shaped(
    shape: EventShape,
    now: Timestamp,
    profile: &Profile,
    name: &str,
    mut fields: Map<String, Value>,
) -> Value {
    let mut top = Map::new();
    top.insert("eventName".to_owned(), json!(name));
    if let Some(email) = &profile.email {
        top.insert("email".to_owned(), json!(email));
    }
    if let Some(id) = &profile.user_id {
        top.insert("userId".to_owned(), json!(id));
    }
    match shape {
        EventShape::UserIdOnly if profile.user_id.is_some() => {
            top.insert("email".to_owned(), Value::Null);
            fields.remove("email");
        }
        EventShape::Full | EventShape::UserIdOnly => {}
        EventShape::OnlyInDataFields => top.retain(|name, _| name == "eventName"),
        EventShape::WithoutMessageTypeIds => {
            fields.remove("messageTypeIds");
        }
        EventShape::NumbersAsText => {
            for ids in fields.values_mut().filter_map(Value::as_array_mut).flatten() {
                *ids = ids.as_i64().map_or_else(|| ids.take(), |id| json!(id.to_string()));
            }
            fields.insert("channelId".to_owned(), json!("none"));
        }
        EventShape::IsoTime => {
            let iso = format!("{now:.3}");
            fields.insert("createdAt".to_owned(), json!(iso));
        }
        EventShape::NullTime => {
            fields.insert("createdAt".to_owned(), Value::Null);
        }
        EventShape::OtherCase => {
            top.insert("eventName".to_owned(), json!(name.to_ascii_lowercase()));
        }
        EventShape::ExtraFields => {
            for (name, value) in [
                ("isCool", json!("Yes")),
                ("score", json!(12.5)),
                ("tags", json!(["a", 1, null])),
                ("address", json!({"city": "Anytown", "flat": {"number": 405}})),
                ("vip", json!(true)),
                ("nickname", Value::Null),
            ] {
                fields.entry(name).or_insert(value);
            }
        }
        EventShape::UpperCaseEmail => {
            if let Some(email) = &profile.email {
                top.insert("email".to_owned(), json!(email.to_uppercase()));
                fields.insert("email".to_owned(), json!(email.to_uppercase()));
            }
        }
    }
    top.insert("dataFields".to_owned(), Value::Object(fields));
    Value::Object(top)
}
