//! Items, and choices about them.
//! Tested in `src/consent/tests.rs`.

/// The item kind of a channel.
pub const CHANNEL: &str = "channel";
/// The item kind of a message type, whose parent is a channel.
pub const MESSAGE_TYPE: &str = "message-type";
/// The item kind of a static email list.
pub const EMAIL_LIST: &str = "email-list";

/// Identifies something that a person can opt in to or out of. Both fields together are unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemId {
    /// [`CHANNEL`], [`MESSAGE_TYPE`] or [`EMAIL_LIST`].
    pub kind: String,
    /// Iterable's id, a number as text.
    pub id: String,
}

/// Whether the person wants an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// The person wants it.
    OptIn,
    /// The person does not want it.
    OptOut,
}

impl std::ops::Not for Choice {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::OptIn => Self::OptOut,
            Self::OptOut => Self::OptIn,
        }
    }
}

/// A choice for an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// The item that the choice is about.
    pub item: ItemId,
    /// The choice.
    pub choice: Choice,
    /// When the person chose, in milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// What caused it, such as `EmailLink`.
    pub source: String,
}

/// An item that preferences can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Identifies the item.
    pub id: ItemId,
    /// The name to show; for a channel, followed by its medium.
    pub name: String,
    /// A message type's channel.
    pub parent: Option<ItemId>,
}

/// A choice as Iterable stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldChoice {
    /// The item that the choice is about.
    pub item: ItemId,
    /// The choice.
    pub choice: Choice,
}
