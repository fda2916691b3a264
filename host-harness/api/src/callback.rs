//! The callback of a submitted request, if the API key allows it.
//! Tested in `src/tests/callbacks.rs`.

use host_model::secret::Secret;
use host_service::requests::callback::{CallbackRefused, CallbackUrl};
use host_store::callbacks;

use crate::{
    caller::Caller,
    problem::{Problem, kinds},
    types::callback::{CallbackForm, NewCallback},
};

/// Checks the callback of a request that `caller` submits with the header `Fides-Reply-To-Token`, if it has one.
pub(crate) fn allowed(
    caller: &Caller,
    new: Option<NewCallback>,
    reply_to_token: Option<Secret>,
) -> Result<Option<callbacks::NewCallback>, Problem> {
    let Some(NewCallback { url, form }) = new else {
        return match reply_to_token {
            None => Ok(None),
            Some(_) => Err(Problem::of(
                kinds::BAD_BODY,
                "Fides-Reply-To-Token: expected only with a callback whose form is fides",
            )),
        };
    };
    if (form == CallbackForm::Fides) != reply_to_token.is_some() {
        let detail =
            "callback.form: fides requires the header Fides-Reply-To-Token, and no other form has it";
        return Err(Problem::of(kinds::BAD_BODY, detail));
    }
    CallbackUrl::parse(&url, &caller.key().grant.callback_hosts)?;
    let api_key = caller.key().id.clone();
    Ok(Some(callbacks::NewCallback { api_key, url, form: form.into(), token: reply_to_token }))
}

impl From<CallbackRefused> for Problem {
    fn from(refused: CallbackRefused) -> Self {
        let detail = format!("callback.url: {refused}");
        match refused {
            CallbackRefused::NotAnAddress => Self::of(kinds::BAD_BODY, detail),
            CallbackRefused::HostNotAllowed { .. } | CallbackRefused::Address { .. } => {
                Self::of(kinds::CALLBACK_NOT_ALLOWED, detail)
            }
        }
    }
}
