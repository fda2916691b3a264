//! Bodies with a version of a plugin, its bundle, and the settings that it requires.
//! Tested in `src/tests/given_settings.rs`.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use host_service::connections::given_settings;
use serde::de::DeserializeOwned;

use crate::{
    caller::{Caller, ConnectionsWrite, ScopedCaller as _},
    problem::{Problem, kinds},
    types::{
        given_settings::{ComponentWithSettings, GivenSettings},
        object::Object,
    },
};

/// The maximum size of an upload, in bytes. A plugin's own `max-bytes`, 2 MiB by default, is checked afterwards.
pub const MAX_COMPONENT: usize = 64 << 20;

/// The maximum size of a body with a component: in base64, with its bundle and settings.
pub(crate) const MAX_VERSION_BODY: usize = MAX_COMPONENT.div_ceil(3) * 4 + (1 << 20);

/// A version of a plugin, as a component alone (`application/wasm`), or with its bundle or settings (`application/json`).
pub(crate) struct SentVersion {
    /// The component.
    pub(crate) component: Vec<u8>,
    /// The text of the bundle with its signature.
    pub(crate) bundle: Option<Vec<u8>>,
    given: GivenSettings,
}

impl SentVersion {
    /// The settings, which `caller` must be allowed to change.
    pub(crate) fn given(&mut self, caller: &Caller) -> Result<given_settings::GivenSettings, Problem> {
        allowed(caller, std::mem::take(&mut self.given))
    }
}

impl<S: Send + Sync> FromRequest<S> for SentVersion {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        let (component, bundle, given) = if is_json {
            let ComponentWithSettings { component, bundle, given } = document(&bytes)?;
            let wrong = |_| Problem::of(kinds::BAD_BODY, "component: expected base64");
            (BASE64.decode(component).map_err(wrong)?, bundle.map(String::into_bytes), given)
        } else {
            (bytes.to_vec(), None, GivenSettings::default())
        };
        if component.len() > MAX_COMPONENT {
            return Err(too_large());
        }
        Ok(Self { component, bundle, given })
    }
}

/// Settings without a component. The body may be empty.
pub(crate) struct SentSettings(GivenSettings);

impl SentSettings {
    /// The settings, which `caller` must be allowed to change.
    pub(crate) fn given(self, caller: &Caller) -> Result<given_settings::GivenSettings, Problem> {
        allowed(caller, self.0)
    }
}

impl<S: Send + Sync> FromRequest<S> for SentSettings {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection))?;
        if bytes.is_empty() { Ok(Self(GivenSettings::default())) } else { document(&bytes).map(Self) }
    }
}

/// A key that may publish may not change connections by that.
fn allowed(caller: &Caller, given: GivenSettings) -> Result<given_settings::GivenSettings, Problem> {
    let given = given_settings::GivenSettings::from(given);
    if !given.is_empty() {
        caller.check(ConnectionsWrite::SCOPE)?;
    }
    Ok(given)
}

fn document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let axum::Json(Object(document)) = axum::Json::<Object<T>>::from_bytes(bytes)?;
    Ok(document)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|content_type| content_type.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn unread(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::of(kinds::BAD_BODY, rejection.body_text()),
    }
}

fn too_large() -> Problem {
    Problem::of(kinds::TOO_LARGE, format!("the maximum for a component is {MAX_COMPONENT} bytes"))
}
