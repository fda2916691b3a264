//! Plugins: components that have been compiled, audited, linked and asked to describe themselves.

mod admission;
mod changes;
mod exports;
mod fingerprint;
mod format;
mod generation;
mod interfaces;
mod load;
mod load_error;
mod load_policy;
mod loaded;
mod outline;
mod parts;
mod permissions;
mod retired;
mod slot;
mod surface;
mod type_depth;
mod watch;

pub use admission::{KnownMark, KnownReleases, Release, ReleaseAdmission, TrustByPlugin};
pub use changes::{Changes, NewPermission};
pub(crate) use exports::Exports;
pub use generation::Generation;
pub use host_exchange::{InUse, Uses};
pub use host_model::digest::Digest;
pub use interfaces::InterfaceUse;
pub use load_error::LoadError;
pub use load_policy::{LoadPolicy, Wasi};
pub use loaded::Plugin;
pub use parts::{ComponentPart, ComponentParts};
pub use permissions::Permissions;
pub use retired::RetiredVersion;
pub use slot::{Slot, SwapError};
pub use watch::{Installer, NotInstalled, ReleaseInstaller, WATCH_INTERVAL, Watch, WatchedPlugin, watch};
