//! Writing, reading, joining and deleting profiles.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::people::PersonId;
use super::{Identifier, Profile, Project, ProjectType, check_email};
use crate::clock::{later, written};
use crate::reply::Refusal;
use crate::switches::{DeleteUnknown, OptIn};

/// A change of one profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    pub(crate) email: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) data: Map<String, Value>,
    pub(crate) prefer_user_id: bool,
    pub(crate) merge_nested: bool,
}

/// The answer to a change of many.
#[derive(Debug, Default)]
pub(crate) struct Bulk {
    successes: usize,
    /// Named as in `failedUpdates`.
    failed: BTreeMap<&'static str, Vec<String>>,
}

/// The fields that every project has, with their types.
pub(crate) fn system_fields() -> BTreeMap<String, &'static str> {
    [
        ("email", "string"),
        ("userId", "string"),
        ("signupDate", "date"),
        ("signupSource", "string"),
        ("profileUpdatedAt", "date"),
        ("phoneNumber", "string"),
        ("emailListIds", "long"),
        ("unsubscribedChannelIds", "long"),
        ("unsubscribedMessageTypeIds", "long"),
        ("subscribedMessageTypeIds", "long"),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .into()
}

/// Fields that a profile write does not set: subscriptions have their own ways.
const OWN: [&str; 6] = [
    "email",
    "emailListIds",
    "userListIds",
    "unsubscribedChannelIds",
    "unsubscribedMessageTypeIds",
    "subscribedMessageTypeIds",
];

impl Project {
    /// Creates or changes a person, as `users/update` does.
    pub(crate) fn update(&mut self, change: &Change) -> Result<(), Refusal> {
        let mut target = self.target(change.email.as_deref(), change.user_id.as_deref())?;
        self.check_types(&change.data)?;
        if let (None, Some(id), true) = (&target.person, &target.user_id, target.email.is_none())
            && self.kind == ProjectType::Email
        {
            if !change.prefer_user_id {
                return Err(Refusal::UnknownUserIdError(id.clone()));
            }
            target.email = Some(format!("{id}@placeholder.email"));
        }
        self.learn_types(&change.data);
        let person = self.found_or_made(&target);
        self.people.edit(person, self.now, |profile| {
            profile.email = target.email.or(profile.email.take());
            profile.user_id = target.user_id.or(profile.user_id.take());
            for (name, value) in &change.data {
                set_field(profile, (name, value), change.merge_nested);
            }
        });
        Ok(())
    }

    /// Changes many, as `users/bulkUpdate` does: each by itself, without a subscription event.
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

    /// The opt-outs that a bulk change may carry where opt-in types are off.
    fn set_opt_outs(&mut self, change: &Change) {
        let ids = |name: &str| {
            let items = change.data.get(name)?.as_array()?;
            Some(items.iter().filter_map(Value::as_i64).collect::<Vec<_>>())
        };
        let (channels, types) = (ids("unsubscribedChannelIds"), ids("unsubscribedMessageTypeIds"));
        if self.switches.opt_in == OptIn::On || (channels.is_none() && types.is_none()) {
            return;
        }
        let Ok(target) = self.target(change.email.as_deref(), change.user_id.as_deref()) else { return };
        let person = self.found_or_made(&target);
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

    /// Gives a person another address. Only email-based projects do.
    pub(crate) fn update_email(&mut self, current: &Identifier, new: &str) -> Result<(), Refusal> {
        if self.kind != ProjectType::Email {
            return Err(Refusal::BadParams("updateEmail is for email-based projects".to_owned()));
        }
        if let Identifier::Email(email) = current {
            check_email(email).map_err(|_| Refusal::InvalidCurrentEmail(email.clone()))?;
        }
        check_email(new)?;
        let new = Identifier::email(new);
        if self.is_forgotten(&new) || self.is_forgotten(current) {
            return Err(Refusal::Forgotten);
        }
        let person = self.people.find(current, Timestamp::MAX).ok_or_else(|| match current {
            Identifier::Email(email) => {
                Refusal::BadParams(format!("User does not exist. Email: {email} UserId: "))
            }
            Identifier::UserId(id) => Refusal::UnknownUserIdError(id.clone()),
        })?;
        if self.people.find(&new, Timestamp::MAX).is_some_and(|other| other != person) {
            return Err(Refusal::Taken("EmailAlreadyExists"));
        }
        let (now, Identifier::Email(email) | Identifier::UserId(email)) = (self.now, new);
        self.people.edit(person, now, |profile| {
            profile.email = Some(email);
            profile.created = now;
        });
        Ok(())
    }

    /// Joins one person into another. Without a destination the source is renamed.
    pub(crate) fn merge(&mut self, source: &Identifier, destination: &Identifier) -> Result<(), Refusal> {
        if self.is_forgotten(source) || self.is_forgotten(destination) {
            return Err(Refusal::Forgotten);
        }
        let from = self.people.find(source, Timestamp::MAX);
        let from = from.ok_or_else(|| Refusal::BadParams("Source user does not exist".to_owned()))?;
        let Some(into) = self.people.find(destination, Timestamp::MAX) else {
            self.people.edit(from, self.now, |profile| match destination.clone() {
                Identifier::Email(email) => profile.email = Some(email),
                Identifier::UserId(id) => profile.user_id = Some(id),
            });
            return Ok(());
        };
        if from == into {
            return Ok(());
        }
        let Some(source) = self.people.latest(from).cloned() else { return Ok(()) };
        self.people.write(from, None, self.now);
        self.people.edit(into, self.now, |profile| {
            for (name, value) in source.data {
                profile.data.entry(name).or_insert(value);
            }
            profile.subscriptions = profile.subscriptions.take().or(source.subscriptions);
        });
        Ok(())
    }

    /// Deletes by address: a success whether or not anybody was there.
    pub(crate) fn delete_by_email(&mut self, email: &str) -> Result<(), Refusal> {
        check_email(email)?;
        if self.kind == ProjectType::UserId {
            return Err(Refusal::BadParams("This project identifies users by userId".to_owned()));
        }
        self.erase_all(&self.people.find_all(&Identifier::email(email), Timestamp::MAX));
        Ok(())
    }

    /// Deletes everybody with that userId whom the lagging index shows.
    pub(crate) fn delete_by_user_id(&mut self, id: &str) -> Result<(), Refusal> {
        let identifier = Identifier::user_id(id);
        let found = self.people.find_all(&identifier, self.view_of(&identifier));
        if found.is_empty() {
            return Err(Refusal::BadParams(match self.switches.delete_unknown {
                // Two blanks: the address between them is empty.
                DeleteUnknown::DoesNotExist => format!("User does not exist. Email:  UserId: {id}"),
                DeleteUnknown::Old => format!("No users with userId {id} exist"),
            }));
        }
        self.erase_all(&found);
        Ok(())
    }

    pub(super) fn erase_all(&mut self, people: &[PersonId]) {
        for person in people {
            self.people.write(*person, None, self.now);
        }
    }

    /// Every field that the project knows, with its type.
    pub(crate) fn fields(&self) -> Value {
        json!({"fields": self.fields})
    }

    fn check_types(&self, data: &Map<String, Value>) -> Result<(), Refusal> {
        for (name, value) in data {
            let Some(expected) = self.fields.get(name) else { continue };
            let Some(incoming) = types_of(value) else { continue };
            let widened = *expected == "double" && incoming.contains(&"long");
            let fits = incoming.contains(expected) || widened || (*expected == "string" && value.is_string());
            if !fits {
                let (project, field, value) = (self.id, name.clone(), value.clone());
                return Err(Refusal::TypeMismatch { project, field, expected, incoming, value });
            }
        }
        Ok(())
    }

    fn learn_types(&mut self, data: &Map<String, Value>) {
        for (name, value) in data {
            if let Some(kind) = types_of(value).and_then(|types| types.first().copied()) {
                self.fields.entry(name.clone()).or_insert(kind);
            }
        }
    }

    /// When a profile written at `at` becomes a document that reads show.
    pub(crate) fn indexed(&self, at: Timestamp) -> Timestamp {
        later(at, SignedDuration::from_secs(self.read_lag()))
    }
}

fn set_field(profile: &mut Profile, (name, value): (&str, &Value), merge_nested: bool) {
    if OWN.contains(&name) {
        return;
    }
    match (name, value) {
        ("userId", Value::String(id)) => profile.user_id = Some(id.clone()),
        (_, Value::Null) => {
            profile.data.remove(name);
        }
        (_, Value::Object(new)) if merge_nested => match profile.data.get_mut(name) {
            Some(Value::Object(old)) => old.extend(new.clone()),
            _ => {
                profile.data.insert(name.to_owned(), value.clone());
            }
        },
        _ => {
            profile.data.insert(name.to_owned(), value.clone());
        }
    }
}

/// The types that a value can have, the one that a new field gets first; none where it tells nothing.
fn types_of(value: &Value) -> Option<Vec<&'static str>> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => vec!["boolean"],
        Value::Number(number) if number.is_f64() => vec!["double"],
        Value::Number(_) => vec!["long"],
        Value::String(text) if is_date(text) => vec!["date", "string", "keyword"],
        Value::String(_) => vec!["string", "keyword"],
        Value::Array(items) => return items.first().and_then(types_of),
        Value::Object(_) => vec!["object"],
    })
}

fn is_date(text: &str) -> bool {
    jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %:z", text).is_ok()
        || jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).is_ok()
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

/// A profile as a read shows it. Subscription arrays are absent until the first subscription action.
pub(crate) fn user_body(project: &Project, profile: &Profile) -> Value {
    let mut data = profile.data.clone();
    let mut put = |name: &str, value: Value| {
        data.insert(name.to_owned(), value);
    };
    let domain = profile.email.as_deref().and_then(|email| email.split_once('@')).map(|(_, domain)| domain);
    put("email", json!(profile.email));
    put("signupDate", json!(written(project.indexed(profile.created))));
    put("profileUpdatedAt", json!(written(profile.updated)));
    put("signupSource", json!(profile.signup_source));
    put(
        "itblInternal",
        json!({
            "documentCreatedAt": written(project.indexed(profile.created)),
            "documentUpdatedAt": written(project.indexed(profile.updated)),
            "emailDomain": domain,
        }),
    );
    if let Some(id) = &profile.user_id {
        put("userId", json!(id));
    }
    if let Some(subscriptions) = &profile.subscriptions {
        put(project.list_field(), json!(subscriptions.lists));
        put("unsubscribedChannelIds", json!(subscriptions.unsubscribed_channels));
        put("unsubscribedMessageTypeIds", json!(subscriptions.unsubscribed_message_types));
        put("subscribedMessageTypeIds", json!(subscriptions.subscribed_message_types));
    }
    let mut user = json!({"dataFields": data});
    if let Some(user) = user.as_object_mut() {
        user.insert("email".to_owned(), json!(profile.email));
        if let Some(id) = &profile.user_id {
            user.insert("userId".to_owned(), json!(id));
        }
    }
    json!({"user": user})
}

impl Project {
    /// Where lists stand in profiles and events.
    pub(crate) fn list_field(&self) -> &'static str {
        if self.kind == ProjectType::Email { "emailListIds" } else { "userListIds" }
    }
}
