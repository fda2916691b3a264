//! A user with a password.

use host_model::secret::Secret;

/// A user with a password or an access token.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password or the access token.
    pub password: Secret,
}
