//! Who is signed in at the operator's page.

use host_store::ApiKey;

/// The API key of a user who is signed in at the operator's page, in the extensions of a request that the page makes. No
/// request from outside has extensions of its own.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn(pub(crate) ApiKey);
