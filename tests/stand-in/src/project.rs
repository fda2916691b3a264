//! One Iterable project: its state and the functions that change it.

pub(crate) mod acts;
mod bulk;
pub(crate) mod catalogue;
mod erasure;
mod events;
mod fields;
mod forgetting;
mod identifiers;
mod memory;
mod people;
mod profiles;
mod reading;
mod subscriptions;
mod target;
pub(crate) mod webhook;
mod webhooks;

pub(crate) use forgetting::HashList;
pub(crate) use identifiers::{check_email, check_user_id};
pub use memory::{Project, ProjectType};
pub use people::{Identifier, Profile, Subscriptions};
pub(crate) use profiles::{Change, Nested};
pub(crate) use reading::user_body;
pub(crate) use subscriptions::{Group, Membership, Move, Replacement};
pub(crate) use target::PersonRef;
