//! People as reads show them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::identifiers::check_email;
use super::memory::{Project, ProjectType};
use super::people::{Identifier, Profile};
use crate::clock::{later, written};
use crate::refusal::Refusal;
use crate::switches::{ReadLag, UserIdLag};

/// Returns a profile as a read shows it. Subscription arrays are absent until the first subscription action.
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
    /// Returns what a read shows of a person now.
    pub(crate) fn read(&self, id: &Identifier) -> Result<Option<&Profile>, Refusal> {
        if let Identifier::Email(email) = id {
            check_email(email)?;
        }
        let found = self.people.seen(id, self.view_of(id));
        match (id, found) {
            (Identifier::UserId(_), None) => Err(Refusal::NoSuchUserId),
            (_, found) => Ok(found),
        }
    }

    /// Returns the time whose state a look-up by this kind of identifier shows.
    pub(super) fn view_of(&self, id: &Identifier) -> Timestamp {
        let lag = match (id, self.switches.user_id_lag) {
            (Identifier::UserId(_), UserIdLag::TwentySeconds) => 20,
            _ => 0,
        };
        later(self.now, SignedDuration::from_secs(-(self.read_lag() + lag)))
    }

    fn read_lag(&self) -> i64 {
        match self.switches.read_lag {
            ReadLag::None => 0,
            ReadLag::ThreeSeconds => 3,
            ReadLag::TwelveSeconds => 12,
            ReadLag::OneMinute => 60,
        }
    }

    /// Returns the events of a person whom a look-up shows, oldest first.
    pub(crate) fn events_of(&self, id: &Identifier) -> &[Value] {
        self.people.find(id, self.view_of(id)).map_or(&[], |person| self.people.events(person))
    }

    /// Returns the name of the field that contains the lists in profiles and events.
    pub(crate) fn list_field(&self) -> &'static str {
        if self.kind == ProjectType::Email { "emailListIds" } else { "userListIds" }
    }

    /// Returns when reads show a profile that is written at `at`.
    pub(crate) fn indexed(&self, at: Timestamp) -> Timestamp {
        later(at, SignedDuration::from_secs(self.read_lag()))
    }
}
