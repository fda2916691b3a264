//! Acts of people and of the customer's staff: everything that changes a project other than through its API.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::memory::Project;
use super::people::{Identifier, PersonId, Profile, Subscriptions};
use super::subscriptions::{Group, Membership, Move, Origin};
use jiff::Timestamp;

/// An act of a person, or of the customer's staff concerning one. Each triggers the events that Iterable sends for it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Act {
    /// Leaves a channel through the link in an e-mail.
    UnsubscribeByLink {
        /// The channel.
        channel: i64,
    },
    /// Leaves a message type through the link in an e-mail.
    LeaveMessageTypeByLink {
        /// The message type.
        message_type: i64,
    },
    /// Joins a list through a form.
    SubscribeByForm {
        /// The list.
        list: i64,
    },
    /// Rejoins a channel on the customer's preference page.
    RejoinChannel {
        /// The channel.
        channel: i64,
    },
    /// Joins a message type on the customer's preference page.
    JoinMessageType {
        /// The message type.
        message_type: i64,
    },
    /// Reports an e-mail of a channel as spam.
    Complain {
        /// The channel.
        channel: i64,
    },
    /// E-mail to the address bounces permanently.
    HardBounce {
        /// The channel of the e-mail.
        channel: i64,
    },
    /// Clicks the hosted unsubscribe link, which is not a choice yet.
    ClickUnsubscribe {
        /// The channel of the e-mail.
        channel: i64,
        /// The message type of the e-mail.
        message_type: i64,
    },
    /// Answers a text message with STOP.
    StopBySms {
        /// The channel.
        channel: i64,
    },
    /// Staff unsubscribe the person from a channel in the UI.
    EditedOut {
        /// The channel.
        channel: i64,
    },
    /// A journey unsubscribes the person from a channel.
    LeftByJourney {
        /// The channel.
        channel: i64,
    },
    /// An import unsubscribes the person from a channel.
    ImportedOut {
        /// The channel.
        channel: i64,
    },
    /// Leaves a list, for the reason named in the event.
    LeaveList {
        /// The list.
        list: i64,
        /// The event's `unsubSource`.
        source: UnsubSource,
    },
    /// An import adds the person to a list. The event carries profile fields.
    Imported {
        /// The list.
        list: i64,
        /// The imported fields.
        #[serde(default)]
        fields: Map<String, Value>,
    },
    /// Any other event, delivered whether or not it is selected on a webhook.
    Other {
        /// Its name.
        event: String,
        /// Its `dataFields`. The person and the time are added if missing.
        #[serde(default)]
        fields: Map<String, Value>,
    },
}

/// The reason for which a person was unsubscribed, as named in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "Iterable's own words")]
pub enum UnsubSource {
    EmailLink,
    WebApp,
    Import,
    #[serde(rename = "ListAPI")]
    ListApi,
    #[serde(rename = "API")]
    Api,
    Complaint,
    HardBounce,
    Workflow,
    #[serde(rename = "SMS")]
    Sms,
}

impl UnsubSource {
    fn word(self) -> &'static str {
        match self {
            Self::EmailLink => "EmailLink",
            Self::WebApp => "WebApp",
            Self::Import => "Import",
            Self::ListApi => "ListAPI",
            Self::Api => "API",
            Self::Complaint => "Complaint",
            Self::HardBounce => "HardBounce",
            Self::Workflow => "Workflow",
            Self::Sms => "SMS",
        }
    }
}

impl Project {
    /// Adds a person who counts as having existed for a long time, so that reads show them at once. Replaces anyone
    /// with the same identifier if the project keeps it unique.
    pub fn seed(&mut self, email: Option<&str>, user_id: Option<&str>, subscriptions: Option<Subscriptions>) {
        let mut profile = Profile::new(email.map(str::to_owned), user_id.map(str::to_owned), self.now);
        profile.subscriptions = subscriptions;
        let unique: Vec<_> = profile.identifiers().filter(|id| self.identifies(id)).collect();
        for id in unique {
            self.erase_all(&self.people.find_all(&id, Timestamp::MAX), self.now);
        }
        self.people.add(profile, Timestamp::MIN);
    }

    /// Performs an act of a person, who is created if they do not exist. Acts of forgotten people are ignored.
    pub fn act(&mut self, id: &Identifier, act: &Act) {
        if self.is_forgotten(id) {
            return;
        }
        let person = self.people.find(id, Timestamp::MAX).unwrap_or_else(|| {
            let (email, user_id) = match id {
                Identifier::Email(email) => (Some(email.clone()), None),
                Identifier::UserId(id) => (None, Some(id.clone())),
            };
            self.people.add(Profile::new(email, user_id, self.now), self.now)
        });
        match act {
            Act::UnsubscribeByLink { channel } => self.leave_by_link(person, Group::Channel.of(*channel)),
            Act::LeaveMessageTypeByLink { message_type } => {
                self.leave_by_link(person, Group::MessageType.of(*message_type));
            }
            Act::SubscribeByForm { list } => self.join(person, Group::List.of(*list)),
            Act::RejoinChannel { channel } => self.join(person, Group::Channel.of(*channel)),
            Act::JoinMessageType { message_type } => self.join(person, Group::MessageType.of(*message_type)),
            Act::Complain { channel } => self.complain(person, *channel),
            Act::HardBounce { channel } => self.bounce(person, *channel),
            Act::ClickUnsubscribe { channel, message_type } => self.click(person, *channel, *message_type),
            Act::StopBySms { channel } => self.stop(person, *channel),
            Act::EditedOut { channel } => self.leave(person, *channel, &Origin::new("WebApp", "WebApp")),
            Act::LeftByJourney { channel } => {
                self.leave(person, *channel, &Origin::new("Workflow", "Workflow"));
            }
            Act::ImportedOut { channel } => self.leave(person, *channel, &Origin::new("Import", "Import")),
            Act::LeaveList { list, source } => {
                self.shift(person, Group::List.of(*list), Move::Leave, &Origin::new("API", source.word()));
            }
            Act::Imported { list, fields } => {
                let origin = Origin { fields: fields.clone(), ..Origin::new("Import", "Import") };
                self.shift(person, Group::List.of(*list), Move::Join, &origin);
            }
            Act::Other { event, fields } => self.other(person, event, fields.clone()),
        }
    }

    fn shift(&mut self, person: PersonId, item: Membership, direction: Move, origin: &Origin) {
        let before = self.people.latest(person).and_then(|profile| profile.subscriptions.clone());
        let after = self.moved(before.unwrap_or_default(), item, direction);
        self.resubscribe(person, after, origin);
    }

    fn join(&mut self, person: PersonId, item: Membership) {
        let profile = self.people.latest(person);
        let updated = profile.map(|profile| crate::clock::written(profile.updated));
        let fields = fields(json!({
            "profileUpdatedAt": updated,
            "publicIdString": "ad474bf7-e785-480f-b9d0-861b85ab5bf5",
        }));
        self.shift(person, item, Move::Join, &Origin { fields, ..Origin::new("WebForm", "WebApp") });
    }

    fn leave(&mut self, person: PersonId, channel: i64, origin: &Origin) {
        self.shift(person, Group::Channel.of(channel), Move::Leave, origin);
    }

    fn leave_by_link(&mut self, person: PersonId, item: Membership) {
        let channel = match item.group {
            Group::MessageType => self.catalogue.channel_of(item.id).unwrap_or(6539),
            Group::Channel | Group::List => item.id,
        };
        let fields = self.message(person, channel);
        self.shift(person, item, Move::Leave, &Origin { fields, ..Origin::new("WebForm", "EmailLink") });
    }

    fn complain(&mut self, person: PersonId, channel: i64) {
        let mut told = self.message(person, channel);
        told.insert("recipientState".to_owned(), json!("Complaint"));
        self.emit(person, "emailComplaint", told);
        let fields = self.message(person, channel);
        self.leave(person, channel, &Origin { fields, ..Origin::new("API", "Complaint") });
    }

    fn bounce(&mut self, person: PersonId, channel: i64) {
        let mut told = self.message(person, channel);
        told.insert("recipientState".to_owned(), json!("HardBounce"));
        self.emit(person, "emailBounce", told);
        let mut fields = self.message(person, channel);
        fields.insert("recipientState".to_owned(), json!("HardBounce"));
        fields.insert("bounceMessage".to_owned(), json!("550 5.1.1 no such mailbox"));
        self.leave(person, channel, &Origin { fields, ..Origin::new("API", "HardBounce") });
    }

    fn click(&mut self, person: PersonId, channel: i64, message_type: i64) {
        let mut told = self.message(person, channel);
        told.extend(fields(json!({
            "messageTypeId": message_type,
            "url": "https://www.example.com",
            "ip": "192.0.2.7",
            "userAgentDevice": "Mac",
            "country": "United States",
            "region": "CA",
            "city": "San Jose",
        })));
        self.emit(person, "hostedUnsubscribeClick", told);
    }

    fn stop(&mut self, person: PersonId, channel: i64) {
        let told = fields(json!({
            "fromPhoneNumber": "+12025550123",
            "toPhoneNumber": "+12025550199",
            "smsMessage": "STOP",
        }));
        self.emit(person, "smsReceived", told);
        self.leave(person, channel, &Origin::new("API", "SMS"));
    }

    fn other(&mut self, person: PersonId, event: &str, fields: Map<String, Value>) {
        let mut unticked = Vec::new();
        for webhook in &mut self.webhooks {
            if webhook.events.insert(event.to_owned()) {
                unticked.push(webhook.id);
            }
        }
        self.emit(person, event, fields);
        for webhook in self.webhooks.iter_mut().filter(|webhook| unticked.contains(&webhook.id)) {
            webhook.events.remove(event);
        }
    }

    /// Returns the event fields that describe the e-mail that led to the event.
    fn message(&self, person: PersonId, channel: i64) -> Map<String, Value> {
        let message_types = &self.catalogue.message_types;
        let message_type =
            message_types.iter().find(|found| found.channel_id == channel).map(|found| found.id);
        let email = self.people.latest(person).and_then(|profile| profile.email.clone()).unwrap_or_default();
        fields(json!({
            "campaignId": 1_089_024,
            "campaignName": "My test campaign",
            "templateId": 1_526_112,
            "templateName": "My test template",
            "workflowId": 76_786,
            "workflowName": "My test workflow",
            "experimentId": null,
            "messageId": "bf008db8ab194b65816398c05bf30f99",
            "emailId": format!("c1089024:t1526112:{email}"),
            "emailSubject": "Upcoming events!",
            "labels": [],
            "locale": null,
            "channelId": channel,
            "messageTypeId": message_type,
        }))
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
