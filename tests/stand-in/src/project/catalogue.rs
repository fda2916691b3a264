//! Channels, message types and lists.

use serde::Serialize;
use serde_json::{Value, json};

use crate::switches::{Media, MessageTypeShape, OptIn, Switches};

/// A channel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// `Marketing` or `Transactional`.
    pub channel_type: &'static str,
    /// `Email`, `Push`, `SMS`, or another medium of Iterable.
    pub message_medium: &'static str,
}

impl Channel {
    pub(crate) fn is_marketing(&self) -> bool {
        self.channel_type == "Marketing"
    }
}

/// Whether people have to join a message type or are in it until they leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Policy {
    /// Out until they join.
    OptIn,
    /// In until they leave.
    OptOut,
}

/// A message type.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageType {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The channel it belongs to.
    pub channel_id: i64,
    /// Whether people have to join it.
    pub subscription_policy: Policy,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

/// A list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// `Standard` (static), `Dynamic`, `Suppression` or `Internal`.
    pub list_type: &'static str,
}

/// Everything that a project's people can subscribe to. Newest first, as recorded.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The channels.
    pub channels: Vec<Channel>,
    /// The message types.
    pub message_types: Vec<MessageType>,
    /// The lists.
    pub lists: Vec<List>,
    /// The fields that message types show.
    shape: MessageTypeShape,
}

/// 13 September 2017, as in the recorded lists: more milliseconds than fit into 32 bits.
const CREATED: i64 = 1_505_330_681_211;

fn channel(id: i64, name: &str, channel_type: &'static str, message_medium: &'static str) -> Channel {
    Channel { id, name: name.to_owned(), channel_type, message_medium }
}

fn message_type(id: i64, name: &str, channel_id: i64, subscription_policy: Policy) -> MessageType {
    let name = name.to_owned();
    MessageType { id, name, channel_id, subscription_policy, created_at: CREATED, updated_at: CREATED }
}

fn list(id: i64, name: &str, created_at: i64, list_type: &'static str) -> List {
    List { id, name: name.to_owned(), created_at, list_type }
}

impl Catalogue {
    pub(crate) fn new(switches: &Switches) -> Self {
        let mut channels = vec![
            channel(6540, "Transactional Channel", "Transactional", "Email"),
            channel(6541, "Push Marketing Channel", "Marketing", "Push"),
            channel(6539, "Marketing Channel", "Marketing", "Email"),
        ];
        let mut message_types = vec![
            message_type(7091, "Push Marketing Message", 6541, Policy::OptOut),
            message_type(7090, "Transactional Message", 6540, Policy::OptOut),
            message_type(7089, "Marketing Message", 6539, Policy::OptOut),
        ];
        if switches.opt_in == OptIn::On {
            message_types.push(message_type(7092, "Product News", 6539, Policy::OptIn));
        }
        if switches.media == Media::Many {
            channels.extend([
                channel(6542, "SMS Marketing Channel", "Marketing", "SMS"),
                channel(6543, "In-App Channel", "Marketing", "InApp"),
                channel(6544, "WhatsApp Channel", "Marketing", "WhatsApp"),
            ]);
            message_types.extend([
                message_type(7093, "SMS Marketing Message", 6542, Policy::OptOut),
                message_type(7094, "In-App Message", 6543, Policy::OptOut),
                message_type(7095, "WhatsApp Message", 6544, Policy::OptOut),
            ]);
        }
        let lists = vec![
            list(58508, "new users", CREATED, "Dynamic"),
            list(56545, "First test list", 1_504_308_852_508, "Standard"),
            list(56541, "Second test list", 1_504_307_659_386, "Standard"),
            list(56299, "all users", 1_504_224_062_138, "Dynamic"),
        ];
        Self { channels, message_types, lists, shape: switches.message_type_shape }
    }

    pub(crate) fn channel(&self, id: i64) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    pub(crate) fn policy(&self, id: i64) -> Option<Policy> {
        self.message_type(id).map(|message_type| message_type.subscription_policy)
    }

    pub(crate) fn channel_of(&self, id: i64) -> Option<i64> {
        self.message_type(id).map(|message_type| message_type.channel_id)
    }

    pub(crate) fn has_static_list(&self, id: i64) -> bool {
        self.lists.iter().any(|list| list.id == id && list.list_type == "Standard")
    }

    /// Returns the message types as the API shows them.
    pub(crate) fn shown_message_types(&self) -> Value {
        let shown: Vec<Value> = self
            .message_types
            .iter()
            .map(|found| match self.shape {
                MessageTypeShape::Full => json!(found),
                MessageTypeShape::WithoutPolicy => {
                    json!({"id": found.id, "name": found.name, "channelId": found.channel_id})
                }
            })
            .collect();
        json!({"messageTypes": shown})
    }

    fn message_type(&self, id: i64) -> Option<&MessageType> {
        self.message_types.iter().find(|message_type| message_type.id == id)
    }
}
