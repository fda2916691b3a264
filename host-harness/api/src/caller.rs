//! Who calls, by the API key that came along. Each request looks the key up, so that a revoked one opens nothing.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header, request::Parts},
};

use super::{
    access,
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_service::who::Who;
use host_store::{
    Store,
    api_keys::{self, ApiKey},
};

/// Whoever has a key in use.
#[derive(Clone, Debug)]
pub(crate) struct Caller(ApiKey);

/// A caller that may change what it reaches.
#[derive(Clone, Debug)]
pub(crate) struct Writer(pub(crate) Caller);

/// A caller that may change what concerns every tenant.
#[derive(Clone, Debug)]
pub(crate) struct Everybody(pub(crate) Caller);

impl Caller {
    /// Whether it may see `tenant`'s things.
    pub(crate) fn reaches(&self, tenant: &str) -> bool {
        self.0.scope.reaches(tenant)
    }

    /// Whether it may see every tenant's things.
    pub(crate) fn reaches_everybody(&self) -> bool {
        self.0.scope.tenants.is_none()
    }

    /// The tenants that it reaches; all where there is no list.
    pub(crate) fn tenants(&self) -> Option<Vec<String>> {
        self.0.scope.tenants.as_ref().map(|tenants| tenants.iter().cloned().collect())
    }

    /// As the audit chain names it.
    pub(crate) fn who(&self) -> Who {
        Who(format!("API key {} ({})", self.0.name, self.0.id))
    }

    /// Whether it may change what it reaches.
    pub(crate) fn may_write(&self) -> bool {
        self.0.scope.may_write
    }

    fn writer(self) -> Result<Writer, Problem> {
        if self.may_write() {
            return Ok(Writer(self));
        }
        let name = &self.0.name;
        Err(Problem::of(
            kinds::READ_ONLY,
            format!("the API key {name} was made with --read-only: use another one"),
        ))
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        let presented = header.as_deref().and_then(|value| {
            let (scheme, key) = value.split_at_checked(b"Bearer ".len())?;
            scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.to_vec())
        });
        let Some(presented) = presented else {
            return Err(Problem::of(
                kinds::UNAUTHENTICATED,
                "send the header `Authorization: Bearer KEY`; `connector-host api-key create --name NAME` makes a key",
            ));
        };
        let holder = Store::from_ref(api)
            .read(move |connection| Box::pin(async move { api_keys::holder(connection, &presented).await }))
            .await?;
        let unknown = || Problem::of(kinds::UNAUTHENTICATED, "no API key in use is the one that was sent");
        let holder = holder.ok_or_else(unknown)?;
        access::by(&holder.name);
        Ok(Self(holder))
    }
}

impl FromRequestParts<Api> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, api).await?.writer()
    }
}

impl FromRequestParts<Api> for Everybody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Writer(caller) = Writer::from_request_parts(parts, api).await?;
        if caller.reaches_everybody() {
            return Ok(Self(caller));
        }
        Err(Problem::of(
            kinds::NOT_ALL_TENANTS,
            "this concerns every tenant: use an API key that was made without --tenant",
        ))
    }
}
