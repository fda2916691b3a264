//! Completes a permitted request so that it can be sent: fills blanks, encodes path and query, and writes the
//! host's fields.
//! Tested in `src/egress/tests`.

mod body;
mod path;
mod secrets;

pub(super) use secrets::Fillings;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};

use super::{
    declaration::{DeclaredOperation, HostField},
    refused::denied,
    template::{Blank, Template},
    transport::Outgoing,
};
use crate::connection::Connection;
use host_model::{
    contract::{
        http::{HttpError, HttpErrorKind, Request},
        manifest::RequestPart,
    },
    secret::Secret,
};
use secrets::{no_token, open_blank};

/// Builds the request as it is sent.
pub(crate) fn outgoing(
    declared: &DeclaredOperation,
    fillings: &Fillings<'_>,
    request: &Request,
) -> Result<Outgoing, HttpError> {
    let connection = fillings.connection;
    let target = connection.targets.get(&declared.host_setting).cloned().ok_or_else(|| {
        denied(format!(
            "operation {}: connection {} has no host: its setting {} is empty",
            declared.name, connection.key, declared.host_setting
        ))
    })?;
    let mut parts = FilledRequest {
        query: request.query.clone(),
        headers: HeaderMap::new(),
        body: body::BodyContent::of(declared, request)?,
    };
    for field in &declared.fields {
        match field_value(declared, fillings, field)? {
            Some(value) => parts.write(declared, field, &value)?,
            None => parts.remove(field),
        }
    }
    let body = parts.body.into_bytes();
    if let (Some(body), Some(form)) = (&body, &declared.body) {
        within_cap(declared, connection, body.len())?;
        parts.headers.insert(CONTENT_TYPE, header_value(declared, "content-type", &form.content_type)?);
    }
    let policy = &connection.policy;
    let declared_cap = declared.response_limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Outgoing {
        operation: declared.name.clone(),
        method: declared.method.clone(),
        target,
        path_and_query: path::encoded(declared, fillings)? + &path::query(&parts.query),
        headers: parts.headers,
        body: body.map(Bytes::from),
        response_cap: declared_cap.map_or(policy.response_cap, |cap| cap.min(policy.declared_response_cap)),
        acts: declared.acts() && !declared.is_token_exchange(),
    })
}

/// Returns the values of all fields and path segments into which the host writes a secret, as they are sent.
pub(crate) fn secret_values(declared: &DeclaredOperation, fillings: &Fillings<'_>) -> Vec<Secret> {
    let fields = declared.fields.iter().filter(|field| field.value.blanks().any(Blank::is_secret));
    let values = fields.filter_map(|field| {
        let value = fillings.filled(&field.value)?;
        Some(match field.place {
            RequestPart::Header => basic(&field.value, &value).into_owned(),
            RequestPart::Query | RequestPart::Body => value,
        })
    });
    values.chain(path::secret_segments(declared, fillings)).filter_map(Secret::new).collect()
}

struct FilledRequest {
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: body::BodyContent,
}

impl FilledRequest {
    /// Removes a field, including any value from the connector, which must not set the host's fields.
    fn remove(&mut self, field: &HostField) {
        match field.place {
            // The connector cannot write headers.
            RequestPart::Header => {}
            RequestPart::Query => self.query.retain(|(name, _)| *name != field.name),
            RequestPart::Body => self.body.remove(&field.name),
        }
    }

    /// Writes a field, replacing any value from the connector.
    fn write(
        &mut self,
        declared: &DeclaredOperation,
        field: &HostField,
        value: &str,
    ) -> Result<(), HttpError> {
        match field.place {
            RequestPart::Header => {
                let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| {
                    denied(format!("operation {}: {} is no header", declared.name, field.name))
                })?;
                let value = header_value(declared, &field.name, &basic(&field.value, value))?;
                self.headers.insert(name, value);
            }
            RequestPart::Query => {
                self.query.retain(|(name, _)| *name != field.name);
                self.query.push((field.name.clone(), value.to_owned()));
            }
            RequestPart::Body => self.body.write(&declared.name, &field.name, value)?,
        }
        Ok(())
    }
}

/// Returns a field's value, or `None` if it is left out because an optional setting or secret in it is empty.
fn field_value(
    declared: &DeclaredOperation,
    fillings: &Fillings<'_>,
    field: &HostField,
) -> Result<Option<String>, HttpError> {
    for blank in field.value.blanks() {
        match blank {
            Blank::Value(name) if fillings.of(blank).is_none() => return Err(open_blank(declared, name)),
            Blank::WebhookToken if fillings.of(blank).is_none() => {
                return Err(no_token(declared, fillings.connection));
            }
            _ => {}
        }
    }
    Ok(fillings.filled(&field.value))
}

/// Encodes `Basic {user}:{password}` in base64. The colon must be in the manifest: one inside a secret does not count.
fn basic<'a>(template: &Template, filled: &'a str) -> Cow<'a, str> {
    match filled.strip_prefix("Basic ") {
        Some(pair) if template.literal().strip_prefix("Basic ").is_some_and(|rest| rest.contains(':')) => {
            Cow::Owned(format!("Basic {}", STANDARD.encode(pair)))
        }
        _ => Cow::Borrowed(filled),
    }
}

fn header_value(declared: &DeclaredOperation, name: &str, value: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::from_str(value).map_err(|_| {
        denied(format!(
            "operation {}: the header {name} would contain characters that a header cannot carry",
            declared.name
        ))
    })
}

fn within_cap(declared: &DeclaredOperation, connection: &Connection, length: usize) -> Result<(), HttpError> {
    let cap = connection.policy.request_cap;
    if length <= cap {
        return Ok(());
    }
    Err(HttpError {
        kind: HttpErrorKind::TooLarge,
        message: format!(
            "operation {}: its body has {length} bytes, more than {cap} ([connections.{}.egress] request-cap)",
            declared.name, connection.key
        ),
        request_sent: false,
        retry_after_ms: None,
    })
}
