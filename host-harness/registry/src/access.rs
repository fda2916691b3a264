//! What an operator allows for one registry.

use std::time::Duration;

use host_harness::connection::{Deadlines, Reach};
use rustls_pki_types::CertificateDer;

use crate::credentials::Credentials;

/// How one registry is reached.
#[derive(Clone, Debug)]
pub struct RegistryAccess {
    /// The registry as references name it: a host, with `:port` if it is not the scheme's usual one.
    pub host: String,
    /// The credentials that it requires.
    pub credentials: Credentials,
    /// Further hosts, each with `:port` if it is not 443, that may issue tokens for the credentials. The registry itself
    /// always may; another host is only given the credentials if it is listed, whatever the registry says.
    pub token_services: Vec<String>,
    /// The authorities to trust instead of the public ones; empty for the public ones.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Which addresses the registry, its token service and the storage that it redirects to may have. [`Reach::Loopback`]
    /// is plain HTTP to this machine, everything else is TLS.
    pub reach: Reach,
    /// How long a request may take; `total` is the time for a whole pull or push.
    pub deadlines: Deadlines,
}

impl RegistryAccess {
    /// Creates the access to a public registry without credentials.
    pub fn to(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            credentials: Credentials::Anonymous,
            token_services: Vec::new(),
            authorities: Vec::new(),
            reach: Reach::Public,
            // The largest component at 4 Mbit/s.
            deadlines: Deadlines { total: Duration::from_secs(150), ..Deadlines::default() },
        }
    }
}
