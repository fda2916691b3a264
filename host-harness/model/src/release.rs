//! The rules of a release in steps: a new version of a plugin takes over a growing share of the calls while its calls
//! are compared with those of the version before. Pure: no clock, no store.
//!
//! [`call_kind`] defines which calls are split by what, [`share`] and [`plan`] which people and connections are in a
//! share. [`counts`] is what is counted of each version, [`compared`] what of it a step compares, and [`verdict`] compares two of them under [`rules`].
//! [`state`] is what a release does next, and [`drain`] what follows for the version that was replaced.
//!
//! # What a share means
//!
//! A step has one [`Share`](share::Share), with two meanings that do not depend on each other:
//!
//! - **Of the people of each connection.** Calls about a person run on the new version if the person is in the share.
//!   So 5 % is 5 % of the people, also if there is only one connection, and no customer has all of its people on a
//!   version of which little is known.
//! - **Of the connections.** Calls that are about no single person, such as reading a delivery, run on the new version
//!   if their connection is *released*. The released connections together never have more than the share of all
//!   people, so the only connection, or one with most of the people, is released at the last step.
//!
//! A connection that is released does not take the rest of its people with it: otherwise a step of 5 % could reach all
//! people of a connection, and nearly 10 % of all. Until a connection is released, its deliveries are read by the
//! version before, also those about people who are in the share.
//!
//! A person who is merged with another one takes that one's place, as everywhere.
//!
//! Pinned connections take no part in a release.

pub mod call_kind;
pub mod compared;
pub mod counts;
pub mod drain;
mod evidence;
pub mod latency;
pub mod measure;
pub mod plan;
pub mod rate;
pub mod rules;
pub mod share;
pub mod state;
pub mod steps;
pub mod times;
pub mod verdict;
