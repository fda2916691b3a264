//! The types and rules that the host, its store and its service share: pure, without I/O, clock or runtime.

pub mod approvers;
pub mod backoff;
pub mod bulk;
pub mod case_section;
pub mod consent;
pub mod contract;
pub mod digest;
pub mod duties;
pub mod failure;
pub mod names;
pub mod nearest;
pub mod plugin_operation;
pub mod plugin_version;
pub mod release;
pub mod requests;
pub mod role;
pub mod scope;
pub mod secret;
pub mod text;
pub mod time;
pub mod token;
pub mod unread;
