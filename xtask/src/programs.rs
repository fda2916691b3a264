//! What the demonstration, the tests and the run with Fides share: servers, the stand-in, steps, waiting, and checks of
//! documents.

pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod connector_host;
pub(crate) mod database;
pub(crate) mod document;
pub(crate) mod interruption;
pub(crate) mod pgbouncer;
pub(crate) mod postgresql;
pub(crate) mod process;
pub(crate) mod secret_file;
pub(crate) mod server;
pub(crate) mod setup;
pub(crate) mod stand_in;
pub(crate) mod step;
pub(crate) mod unprivileged;
pub(crate) mod wait;
