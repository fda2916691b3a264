//! A local stand-in for Iterable, with state, an adjustable clock and every documented oddity.
//!
//! It knows nothing about its clients. Behaviour that Iterable's sources leave open is a switch ([`Switches`]), and
//! every behaviour is marked as recorded, documented or assumed ([`BEHAVIOURS`]). It listens only on 127.0.0.1 and
//! sends webhooks only to this machine.
//!
//! ```
//! use iterable_stand_in::{Act, ForgetDelay, ProjectType, StandIn, Switches};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let switches = Switches { forget_delay: ForgetDelay::OneMinute, ..Switches::default() };
//! let stand_in = StandIn::builder().project(ProjectType::Hybrid).switches(switches).start().await?;
//! stand_in.seed("ada@example.com", None);
//! stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel: 6539 });
//! let delivery = stand_in.next_delivery().await;
//! assert_eq!(delivery.body["eventName"], "emailUnSubscribe");
//! # Ok::<(), iterable_stand_in::StartError>(()) }).unwrap();
//! ```

mod behaviours;
mod body;
mod builder;
mod call;
mod clock;
mod control;
mod deliveries;
mod endpoint;
mod faults;
mod keys;
mod limits;
mod outbox;
mod project;
mod refusal;
mod reply;
mod routes;
mod server;
mod shared;
mod stand_in;
mod start_error;
mod switches;
mod tls;

pub use behaviours::{BEHAVIOURS, Behaviour, Mark};
pub use builder::Builder;
pub use call::Received;
pub use clock::Clock;
pub use control::CONTROL_ROUTES;
pub use faults::Fault;
pub use keys::{DataCentre, KeyKind};
pub use outbox::{Delivery, Outcome};
pub use project::acts::{Act, UnsubSource};
pub use project::catalogue::{Catalogue, Channel, List, MessageType, Policy};
pub use project::webhook::{AuthType, FIRST as FIRST_WEBHOOK, Webhook};
pub use project::{Identifier, Profile, Project, ProjectType, Subscriptions};
pub use refusal::{BadField, ExpectedType, Refusal};
pub use stand_in::StandIn;
pub use start_error::StartError;
pub use switches::*;
