//! What there is to choose, and choices about it.

/// The kind of a channel.
pub const CHANNEL: &str = "channel";
/// The kind of a message type, whose parent is a channel.
pub const MESSAGE_TYPE: &str = "message-type";
/// The kind of a static email list.
pub const EMAIL_LIST: &str = "email-list";

/// Something that a person can be in or out of; unique by both fields together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemId {
    /// [`CHANNEL`], [`MESSAGE_TYPE`] or [`EMAIL_LIST`].
    pub kind: String,
    /// Iterable's number for it.
    pub id: String,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Choice {
    /// In.
    OptIn,
    /// Out.
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
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
    /// When the person chose, in milliseconds since 1970 in UTC.
    pub chosen_at_ms: u64,
    /// What caused it, such as `EmailLink`.
    pub source: String,
}

/// An item that preferences can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which.
    pub id: ItemId,
    /// For people; a channel's medium stands behind its name.
    pub name: String,
    /// A message type's channel.
    pub parent: Option<ItemId>,
}

/// A choice as Iterable holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// For what.
    pub item: ItemId,
    /// In or out.
    pub choice: Choice,
}
