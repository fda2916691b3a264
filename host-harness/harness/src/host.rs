//! The host: plugins and connections, ready for calls.

mod change;
mod dry_run;
mod running;
mod start;

pub use change::{AddError, PutError};
pub use dry_run::dry_run;
pub use running::{Host, NotOnVersion};
pub use start::{Builder, StartError};
