//! The caller, identified by the API key of the request. Each request looks the key up, so that a revoked key is
//! refused. A handler's argument is the scope that it requires.
//! Tested in `src/tests/keys.rs` and `src/tests/scopes.rs`.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header, request::Parts},
};

use super::{
    access,
    problem::{Problem, kinds},
};
use crate::{signed_in::SignedIn, state::Api};
use host_model::scope::{AccessKind, Area, Scope, Scopes};
use host_service::{api_keys::ApiKeys, who::Who};
use host_store::{ApiKey, StoreError, grant::KeyReach};

/// A caller with a valid API key.
#[derive(Clone, Debug)]
pub(crate) struct Caller(ApiKey, Entrance);

/// How a caller presented its API key.
#[derive(Clone, Copy, Debug)]
enum Entrance {
    /// With the request.
    Header,
    /// By signing in at the operator's page, which calls the API in this process.
    Page,
}

impl Caller {
    /// The data that it can access.
    pub(crate) fn reach(&self) -> &KeyReach {
        &self.0.grant.reach
    }

    /// The API key.
    pub(crate) fn key(&self) -> &ApiKey {
        &self.0
    }

    /// Its name in the audit chain.
    pub(crate) fn who(&self) -> Who {
        let Self(ApiKey { name, id, .. }, entrance) = self;
        Who(match entrance {
            Entrance::Header => format!("API key {name} ({id})"),
            Entrance::Page => format!("API key {name} ({id}), on the page"),
        })
    }

    /// Checks that its key has `scope`.
    pub(crate) fn check(&self, scope: Scope) -> Result<(), Problem> {
        let (name, scopes) = (&self.0.name, &self.0.grant.scopes);
        if scopes.contains(scope) {
            return Ok(());
        }
        if *scopes == Scopes::ReadAll {
            let detail = format!("the API key {name} was created with --read-only: use another one");
            return Err(Problem::of(kinds::READ_ONLY, detail));
        }
        let detail =
            format!("the API key {name} does not have the scope {scope}: use one that was created with it");
        Err(Problem::of(kinds::OUT_OF_SCOPE, detail).with("scope", scope.to_string().into()))
    }

    /// Checks that it can access everything.
    fn check_everything(&self) -> Result<(), Problem> {
        if self.reach().is_everything() {
            return Ok(());
        }
        let detail =
            "this concerns all tenants: use an API key that was created without --tenant and --connection";
        Err(Problem::of(kinds::NOT_ALL_TENANTS, detail))
    }

    /// The caller of a request, if its key has `scope`.
    async fn with(scope: Scope, parts: &Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Self::of(parts, api).await?;
        caller.check(scope)?;
        Ok(caller)
    }

    async fn of(parts: &Parts, api: &Api) -> Result<Self, Problem> {
        if let Some(SignedIn(key)) = parts.extensions.get() {
            access::by(&key.name);
            return Ok(Self(key.clone(), Entrance::Page));
        }
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
        let holder = holder(&ApiKeys::from_ref(api), presented).await?;
        let unknown = || Problem::of(kinds::UNAUTHENTICATED, "the API key is unknown or revoked");
        let holder = holder.ok_or_else(unknown)?;
        access::by(&holder.name);
        Ok(Self(holder, Entrance::Header))
    }
}

/// Returns the API key in use whose text is `presented`; `None` if there is none.
pub(crate) async fn holder(keys: &ApiKeys, presented: Vec<u8>) -> Result<Option<ApiKey>, StoreError> {
    match keys.holder(presented).await {
        // The caller learns no more than with an unknown key; the service raises an alarm within a minute.
        Err(StoreError::NotAuthentic(what)) => {
            if access::permits_line() {
                tracing::error!(what, "refused: changed or inserted in the database from outside");
            }
            Ok(None)
        }
        holder => holder,
    }
}

/// A caller whose key has a scope.
pub(crate) trait ScopedCaller: Sized {
    /// The scope.
    const SCOPE: Scope;

    /// `caller`, whose key has the scope.
    fn new(caller: Caller) -> Self;
}

macro_rules! scoped_callers {
    ($($name:ident: $area:ident $access:ident,)+) => {
        $(
            #[doc = "A caller whose key has the scope of this name."]
            #[derive(Clone, Debug)]
            pub(crate) struct $name(pub(crate) Caller);

            impl ScopedCaller for $name {
                const SCOPE: Scope = Scope { area: Area::$area, access: AccessKind::$access };

                fn new(caller: Caller) -> Self {
                    Self(caller)
                }
            }

            impl FromRequestParts<Api> for $name {
                type Rejection = Problem;

                async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
                    Caller::with(Self::SCOPE, parts, api).await.map(Self)
                }
            }
        )+
    };
}

scoped_callers! {
    RequestsRead: Requests Read,
    RequestsWrite: Requests Write,
    ConsentRead: Consent Read,
    ConsentWrite: Consent Write,
    WebhookTokensRead: WebhookTokens Read,
    WebhookTokensWrite: WebhookTokens Write,
    ConnectionsRead: Connections Read,
    ConnectionsWrite: Connections Write,
    PluginsRead: Plugins Read,
    PluginsWrite: Plugins Write,
    BulkRead: Bulk Read,
    BulkWrite: Bulk Write,
    AdminRead: Admin Read,
    AdminWrite: Admin Write,
}

/// A caller with a scope, for what concerns all tenants.
#[derive(Clone, Debug)]
pub(crate) struct AllTenants<C>(pub(crate) C);

impl<C: ScopedCaller + Send> FromRequestParts<Api> for AllTenants<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::with(C::SCOPE, parts, api).await?;
        caller.check_everything()?;
        Ok(Self(C::new(caller)))
    }
}
