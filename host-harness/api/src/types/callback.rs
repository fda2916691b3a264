//! Callbacks: where the end of a request is posted.

use host_store::callbacks as stored;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::mirror::mirror;

mirror! {
    /// The form of a callback.
    pub enum CallbackForm mirrors stored::CallbackForm {
        /// A signed event, as Standard Webhooks specifies.
        Standard,
        /// The call with which a task of Fides is completed.
        Fides,
    }
}

/// Where the end of a request is to be posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCallback {
    /// The address. The API key must have been created with its host.
    pub url: String,
    /// The form; `standard` if absent. `fides` requires the header `Fides-Reply-To-Token`.
    #[serde(default = "standard")]
    #[schema(default = "standard")]
    pub form: CallbackForm,
}

fn standard() -> CallbackForm {
    CallbackForm::Standard
}

/// The callback of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Callback {
    /// The address.
    pub url: String,
    /// The form.
    pub form: CallbackForm,
    /// The number of consecutive failures.
    pub failures: u32,
    /// When the receiver took the end, or the callback was given up, in milliseconds since 1970 in UTC; null until then.
    pub ended_at: Option<i64>,
    /// Why it was given up; null if it was not.
    pub given_up: Option<String>,
}

impl From<stored::CallbackView> for Callback {
    fn from(stored::CallbackView { url, form, failures, ended_at, given_up }: stored::CallbackView) -> Self {
        Self { url, form: form.into(), failures, ended_at, given_up }
    }
}
