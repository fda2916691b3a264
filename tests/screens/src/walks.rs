//! The walks, a file each. A walk ends with [`crate::walk::Walk::end`].

pub(crate) mod brief;
pub(crate) mod connecting;
pub(crate) mod mapping;
pub(crate) mod plugins;
pub(crate) mod requests;
pub(crate) mod signing_in;
pub(crate) mod two_people;
pub(crate) mod watching;
pub(crate) mod webhook;
