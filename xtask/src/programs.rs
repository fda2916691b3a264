//! What the demonstration and the run with Fides share: the stand-in, steps, waiting, and checks of documents.

pub(crate) mod client;
pub(crate) mod connector_host;
pub(crate) mod document;
pub(crate) mod interruption;
pub(crate) mod secret_file;
pub(crate) mod setup;
pub(crate) mod stand_in;
pub(crate) mod step;
pub(crate) mod wait;
