//! What authorises requests: the login itself, or a token that the registry's token service issues for it
//! (<https://distribution.github.io/distribution/spec/auth/token/>).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::WWW_AUTHENTICATE};
use http_auth::{ChallengeRef, parse_challenges};
use serde::Deserialize;
use url::{Origin, Url};
use zeroize::Zeroizing;

use crate::{
    error::{RegistryError, RegistryPart},
    login::Login,
    registry::{Registry, RepositoryScope},
    wire::{Authorization, ReadBound, WireRequest, host},
};

/// The maximum size of a token service's answer, in bytes: more than a header with the token could have.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// What a registry requires.
enum Challenge {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

#[derive(Deserialize)]
struct TokenReply {
    token: Option<Zeroizing<String>>,
    access_token: Option<Zeroizing<String>>,
}

impl Registry {
    /// Returns what authorises requests within `scope` after the registry refused one with `headers`.
    pub(crate) async fn authorize(
        &self,
        headers: &HeaderMap,
        scope: RepositoryScope<'_>,
    ) -> Result<Authorization, RegistryError> {
        let refused = |host| RegistryError::CredentialsRefused { host };
        let login = self.access.credentials.login(&self.address).await?;
        match (challenge(headers), login) {
            (Some(Challenge::Basic), Some(login)) => basic(&login, self.base.origin()),
            (Some(Challenge::Bearer { realm, service }), login) => {
                let authorization = match login {
                    Some(login) => Some(basic(&login, self.trusted(&realm)?)?),
                    None => None,
                };
                self.token(realm, service, scope, authorization.as_ref()).await
            }
            (Some(Challenge::Basic) | None, _) => Err(refused(self.access.host.clone())),
        }
    }

    /// Returns the origin of `realm` if it may be given the credentials.
    fn trusted(&self, realm: &Url) -> Result<Origin, RegistryError> {
        let is_listed =
            realm.scheme() == self.wire.scheme() && self.access.token_services.contains(&host(realm));
        if realm.origin() == self.base.origin() || is_listed {
            return Ok(realm.origin());
        }
        Err(RegistryError::TokenServiceNotAllowed { host: host(realm) })
    }

    /// Asks the token service for a token. The scope is what this client needs, whatever the challenge names.
    async fn token(
        &self,
        realm: Url,
        service: Option<String>,
        scope: RepositoryScope<'_>,
        authorization: Option<&Authorization>,
    ) -> Result<Authorization, RegistryError> {
        let part = RegistryPart::Token;
        let mut request = WireRequest::new(Method::GET, realm);
        if let Some(service) = service {
            request.url.query_pairs_mut().append_pair("service", &service);
        }
        request.url.query_pairs_mut().append_pair("scope", &scope.to_string());
        let reply =
            self.wire.reply(&request, authorization, ReadBound { part, max_bytes: MAX_TOKEN_BYTES }).await?;
        let host = host(&reply.from);
        if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&reply.status) {
            return Err(RegistryError::CredentialsRefused { host });
        }
        let reply = reply.with_status(StatusCode::OK, part)?;
        let issued: Option<TokenReply> = serde_json::from_slice(&reply.body).ok();
        let token = issued.and_then(|issued| issued.token.or(issued.access_token));
        let value = token.and_then(|token| sensitive(&["Bearer ", &token]));
        let not_understood = || RegistryError::NotUnderstood { part, host };
        Ok(Authorization { at: self.base.origin(), value: value.ok_or_else(not_understood)? })
    }
}

/// Returns the challenge that is answered: a token is preferred to sending the password with each request.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|text| text.to_str().ok());
    let challenges: Vec<_> = texts.flat_map(|text| parse_challenges(text).unwrap_or_default()).collect();
    let of_scheme = |scheme| challenges.iter().find(|found| found.scheme.eq_ignore_ascii_case(scheme));
    match of_scheme("Bearer") {
        Some(bearer) => {
            let realm = parameter(bearer, "realm").and_then(|realm| Url::parse(&realm).ok())?;
            Some(Challenge::Bearer { realm, service: parameter(bearer, "service") })
        }
        None => of_scheme("Basic").map(|_| Challenge::Basic),
    }
}

fn parameter(challenge: &ChallengeRef<'_>, name: &str) -> Option<String> {
    let found = challenge.params.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_unescaped())
}

fn basic(login: &Login, at: Origin) -> Result<Authorization, RegistryError> {
    let pair = Zeroizing::new([&login.user, ":", login.password.expose()].concat());
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    let why = "the credentials cannot be sent".to_owned();
    let value = sensitive(&["Basic ", &encoded]).ok_or(RegistryError::NotSetUp { why })?;
    Ok(Authorization { at, value })
}

/// Returns the value of a header that is not shown.
fn sensitive(parts: &[&str]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&Zeroizing::new(parts.concat())).ok()?;
    value.set_sensitive(true);
    Some(value)
}
