//! The caller, identified by the API key of the request. Each request looks the key up, so that a revoked key is
//! refused.
//! Tested in `src/tests/keys.rs`.

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
    Store, StoreError,
    api_keys::{self, ApiKey},
};

/// A caller with a valid API key.
#[derive(Clone, Debug)]
pub(crate) struct Caller(ApiKey);

/// A caller that may change what it can access.
#[derive(Clone, Debug)]
pub(crate) struct WritingCaller(pub(crate) Caller);

/// A caller that may change what concerns all tenants.
#[derive(Clone, Debug)]
pub(crate) struct AllTenantsCaller(pub(crate) Caller);

impl Caller {
    /// Whether it can access `tenant`.
    pub(crate) fn reaches(&self, tenant: &str) -> bool {
        self.0.scope.reaches(tenant)
    }

    /// Whether it can access all tenants.
    pub(crate) fn reaches_all_tenants(&self) -> bool {
        self.0.scope.tenants.is_none()
    }

    /// The tenants that it can access; `None` for all.
    pub(crate) fn tenants(&self) -> Option<Vec<String>> {
        self.0.scope.tenants.as_ref().map(|tenants| tenants.iter().cloned().collect())
    }

    /// Its name in the audit chain.
    pub(crate) fn who(&self) -> Who {
        Who(format!("API key {} ({})", self.0.name, self.0.id))
    }

    /// Whether it may change what it can access.
    pub(crate) fn may_write(&self) -> bool {
        self.0.scope.may_write
    }

    fn writer(self) -> Result<WritingCaller, Problem> {
        if self.may_write() {
            return Ok(WritingCaller(self));
        }
        let name = &self.0.name;
        Err(Problem::of(
            kinds::READ_ONLY,
            format!("the API key {name} was created with --read-only: use another one"),
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
                "send the header `Authorization: Bearer KEY`; `connector-host api-key create --name NAME` makes one",
            ));
        };
        let store = Store::from_ref(api);
        let vault = store.vault().clone();
        let holder =
            store.read(move |c| Box::pin(async move { api_keys::holder(c, &vault, &presented).await })).await;
        let holder = match holder {
            // The caller learns no more than with an unknown key; the service raises an alarm within a minute.
            Err(StoreError::NotAuthentic(what)) => {
                if access::permits_line() {
                    tracing::error!(what, "refused: changed or inserted in the database from outside");
                }
                None
            }
            holder => holder?,
        };
        let unknown = || Problem::of(kinds::UNAUTHENTICATED, "the API key is unknown or revoked");
        let holder = holder.ok_or_else(unknown)?;
        access::by(&holder.name);
        Ok(Self(holder))
    }
}

impl FromRequestParts<Api> for WritingCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, api).await?.writer()
    }
}

impl FromRequestParts<Api> for AllTenantsCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let WritingCaller(caller) = WritingCaller::from_request_parts(parts, api).await?;
        if caller.reaches_all_tenants() {
            return Ok(Self(caller));
        }
        Err(Problem::of(
            kinds::NOT_ALL_TENANTS,
            "this concerns all tenants: use an API key that was created without --tenant",
        ))
    }
}
