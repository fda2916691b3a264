//! The rules for an operation.
//! Tested in `src/egress/declaration/check/tests.rs`.

use std::collections::BTreeSet;

use http::{HeaderName, Method};

use super::bounds::{MAX_CONTENT_TYPE, MAX_ENTRIES, MAX_FIELD_VALUE, MAX_PROSE, MAX_VALUE, bounded, prose};
use crate::{
    connection::{WEBHOOK_TOKEN, WEBHOOK_URL},
    egress::{
        declaration::{
            declared::{BodyForm, BodyKind, DeclaredOperation, HostField},
            error::ManifestError,
        },
        template::{Blank, Template},
    },
};
use host_model::{
    contract::{
        Interface,
        manifest::{Effect, Field, Limit, Manifest, Operation, RequestPart},
    },
    text::{self, UnfitText},
};

/// Headers that the host writes itself, or that change how the message is read.
const FORBIDDEN_HEADERS: [&str; 15] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "content-type",
    "accept-encoding",
    "proxy-authorization",
    "proxy-connection",
    "http2-settings",
    "user-agent",
];

/// Maximum number of limits of an operation. A rate and a daily cap are two; each request is recorded under every
/// limit.
const MAX_LIMITS: usize = 8;

/// Resolves the names in `operation`, and adds problems to `errors`.
pub(super) fn checked(
    manifest: &Manifest,
    operation: &Operation,
    errors: &mut Vec<ManifestError>,
) -> Option<DeclaredOperation> {
    let before = errors.len();
    prose(&format!("operation {}: its purpose", operation.name), &operation.purpose, errors);
    let lists = operation.fields.len() + operation.query.len() + operation.captures.len();
    let count = lists + operation.response_headers.len() + operation.limits.len();
    if count > MAX_ENTRIES {
        let what = format!("operation {}", operation.name);
        errors.push(ManifestError::TooManyEntries { what, count, limit: MAX_ENTRIES });
        return None;
    }
    for name in &operation.query {
        named(operation, "a query parameter", name, errors);
    }
    if operation.limits.len() > MAX_LIMITS {
        errors.push(ManifestError::TooManyLimits(operation.name.clone()));
    }
    check_host_setting(manifest, operation, errors);
    check_captures(manifest, operation, errors);
    let body = body(operation, errors);
    let fields = fields(manifest, operation, body.as_ref().map(|body| body.kind), errors);
    let path = path(manifest, operation, errors);
    let blanks = path.blanks().chain(fields.iter().flat_map(|field| field.value.blanks()));
    let secrets = blanks.filter_map(Blank::secret).map(str::to_owned).collect();
    let declared = DeclaredOperation {
        name: operation.name.clone(),
        used_by: used_by(operation, errors),
        host_setting: operation.host_setting.clone(),
        method: method(operation, errors),
        effect: effect(operation, errors),
        path,
        query: operation.query.clone(),
        body,
        fields,
        captures: operation.captures.clone(),
        response_headers: response_headers(operation, errors),
        response_limit: operation.response_limit,
        limits: limits(manifest, operation, errors),
        secrets,
    };
    check_blanks(&declared, errors);
    (errors.len() == before).then_some(declared)
}

/// Records if `name`, which is called `what`, is empty, too long, or has a hidden character.
fn named(operation: &Operation, what: &str, name: &str, errors: &mut Vec<ManifestError>) {
    if let Err(why) = text::check_name(name, MAX_VALUE) {
        let what = format!("operation {}: the name of {what}", operation.name);
        errors.push(ManifestError::UnfitText { what, why });
    }
}

fn check_host_setting(manifest: &Manifest, operation: &Operation, errors: &mut Vec<ManifestError>) {
    if manifest.setting(&operation.host_setting).is_none_or(|setting| setting.secret) {
        errors.push(ManifestError::UnknownHostSetting {
            operation: operation.name.clone(),
            setting: operation.host_setting.chars().take(MAX_VALUE).collect(),
        });
    }
}

fn check_captures(manifest: &Manifest, operation: &Operation, errors: &mut Vec<ManifestError>) {
    for capture in &operation.captures {
        for field in [&capture.field].into_iter().chain(&capture.lifetime) {
            named(operation, "a field that it captures", field, errors);
        }
        let (operation, secret) = (operation.name.clone(), capture.secret.clone());
        match manifest.setting(&capture.secret) {
            Some(setting) if setting.secret => {}
            Some(_) => errors.push(ManifestError::CapturesOpenSetting { operation, secret }),
            None if is_a_blank_somewhere(manifest, &capture.secret) => {}
            None => errors.push(ManifestError::UnknownSecret { operation, secret }),
        }
    }
}

fn is_a_blank_somewhere(manifest: &Manifest, name: &str) -> bool {
    let blank = format!("{{{name}}}");
    manifest.operations.iter().any(|operation| {
        operation.path.contains(&blank) || operation.fields.iter().any(|field| field.value.contains(&blank))
    })
}

fn used_by(operation: &Operation, errors: &mut Vec<ManifestError>) -> BTreeSet<Interface> {
    if operation.used_by.is_empty() && operation.captures.is_empty() {
        errors.push(ManifestError::UsedByNobody(operation.name.clone()));
    }
    let mut interfaces = BTreeSet::new();
    for name in &operation.used_by {
        match name.parse() {
            Ok(interface) => {
                interfaces.insert(interface);
            }
            Err(_) => errors.push(ManifestError::UsedByNoInterface {
                operation: operation.name.clone(),
                interface: name.clone(),
            }),
        }
    }
    interfaces
}

fn method(operation: &Operation, errors: &mut Vec<ManifestError>) -> Method {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    known.into_iter().find(|known| known.as_str() == operation.method).unwrap_or_else(|| {
        errors.push(ManifestError::UnknownMethod {
            operation: operation.name.clone(),
            method: operation.method.clone(),
        });
        Method::GET
    })
}

/// Checks the declared effect. A search is often a POST, but no vendor is known whose PUT, PATCH or DELETE changes
/// nothing. Declaring one as a read is a mistake, and a dry run would send it.
fn effect(operation: &Operation, errors: &mut Vec<ManifestError>) -> Effect {
    if operation.effect == Effect::Read && matches!(operation.method.as_str(), "PUT" | "PATCH" | "DELETE") {
        errors.push(ManifestError::NeverReads {
            operation: operation.name.clone(),
            method: operation.method.clone(),
        });
    }
    operation.effect
}

fn path(manifest: &Manifest, operation: &Operation, errors: &mut Vec<ManifestError>) -> Template {
    let path = &operation.path;
    let what = || format!("operation {}: its path", operation.name);
    if let Err(why @ UnfitText::TooLong { .. }) = text::check_bounded(path, MAX_PROSE) {
        errors.push(ManifestError::UnfitText { what: what(), why });
        return Template::default();
    }
    let printable = path.bytes().all(|b| b.is_ascii_graphic() && !b"?#%\\".contains(&b));
    let is_path = path.strip_prefix('/').is_some_and(|rest| {
        // A trailing slash may be intended by the vendor; an empty segment anywhere else is a mistake.
        rest.strip_suffix('/').unwrap_or(rest).split('/').all(|segment| !["", ".", ".."].contains(&segment))
            || rest.is_empty()
    });
    if !printable || !is_path {
        errors.push(ManifestError::BadPath { operation: operation.name.clone(), path: path.clone() });
    }
    template(manifest, path)
}

fn template(manifest: &Manifest, text: &str) -> Template {
    Template::parse(text, |blank| filler(manifest, blank))
}

/// Returns what fills the blank `blank` in any operation.
fn filler(manifest: &Manifest, blank: &str) -> Blank {
    if blank == WEBHOOK_TOKEN {
        Blank::WebhookToken
    } else if manifest.is_secret(blank) {
        Blank::Secret(blank.to_owned())
    } else if blank == WEBHOOK_URL || manifest.setting(blank).is_some() {
        Blank::Setting(blank.to_owned())
    } else {
        Blank::Value(blank.to_owned())
    }
}

fn body(operation: &Operation, errors: &mut Vec<ManifestError>) -> Option<BodyForm> {
    let content_type = operation.content_type.clone()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let sendable = content_type.bytes().all(|b| (b' '..=b'~').contains(&b)) && media_type.contains('/');
    if let Err(why @ UnfitText::TooLong { .. }) = text::check_bounded(&content_type, MAX_CONTENT_TYPE) {
        let what = format!("operation {}: its content-type", operation.name);
        errors.push(ManifestError::UnfitText { what, why });
    } else if !sendable {
        errors.push(ManifestError::BadContentType {
            operation: operation.name.clone(),
            found: content_type.clone(),
        });
    }
    let kind = match media_type.as_str() {
        "application/x-www-form-urlencoded" => BodyKind::Form,
        json if json == "application/json" || json.ends_with("+json") => BodyKind::Json,
        _ => BodyKind::Opaque,
    };
    Some(BodyForm { content_type, kind })
}

fn fields(
    manifest: &Manifest,
    operation: &Operation,
    body: Option<BodyKind>,
    errors: &mut Vec<ManifestError>,
) -> Vec<HostField> {
    operation
        .fields
        .iter()
        .map(|field| {
            check_field(operation, field, body, errors);
            HostField {
                place: field.place,
                name: field.name.clone(),
                value: template(manifest, &field.value),
            }
        })
        .collect()
}

fn check_field(
    operation: &Operation,
    field: &Field,
    body: Option<BodyKind>,
    errors: &mut Vec<ManifestError>,
) {
    let operation_name = || operation.name.clone();
    let nameable = match field.place {
        RequestPart::Header => HeaderName::from_bytes(field.name.as_bytes()).is_ok(),
        RequestPart::Query => !field.name.is_empty(),
        RequestPart::Body => field.name.split('.').all(|step| !step.is_empty()),
    };
    if !nameable {
        let name = field.name.chars().take(MAX_VALUE).collect();
        errors.push(ManifestError::BadFieldName { operation: operation_name(), place: field.place, name });
        return;
    }
    let before = errors.len();
    named(operation, &format!("a {} field", field.place), &field.name, errors);
    if errors.len() > before {
        return;
    }
    check_field_value(operation, field, errors);
    if field.place == RequestPart::Header
        && FORBIDDEN_HEADERS.contains(&field.name.to_ascii_lowercase().as_str())
    {
        errors
            .push(ManifestError::ForbiddenHeader { operation: operation_name(), header: field.name.clone() });
    }
    if field.place == RequestPart::Body && !matches!(body, Some(BodyKind::Json | BodyKind::Form)) {
        errors.push(ManifestError::NoBodyForField { operation: operation_name(), field: field.name.clone() });
    }
}

/// Checks a field's value. In a query or a body, it may have several lines, as a GraphQL query does.
fn check_field_value(operation: &Operation, field: &Field, errors: &mut Vec<ManifestError>) {
    let what = format!("operation {}: the value of its field {}", operation.name, field.name);
    if field.place == RequestPart::Header && !field.value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        errors.push(ManifestError::BadFieldValue {
            operation: operation.name.clone(),
            place: field.place,
            field: field.name.clone(),
        });
    } else {
        let one_line = field.value.replace(['\n', '\r', '\t'], " ");
        bounded(&what, &one_line, MAX_FIELD_VALUE, errors);
    }
}

fn response_headers(operation: &Operation, errors: &mut Vec<ManifestError>) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for found in &operation.response_headers {
        match HeaderName::from_bytes(found.as_bytes()) {
            Ok(name) => names.push(name),
            Err(_) => errors.push(ManifestError::BadResponseHeader {
                operation: operation.name.clone(),
                found: found.chars().take(MAX_VALUE).collect(),
            }),
        }
    }
    names
}

fn limits(manifest: &Manifest, operation: &Operation, errors: &mut Vec<ManifestError>) -> Vec<Limit> {
    let mut limits = Vec::new();
    for name in &operation.limits {
        match manifest.limit(name) {
            Some(limit) => limits.push(limit.clone()),
            None => errors
                .push(ManifestError::UnknownLimit { operation: operation.name.clone(), limit: name.clone() }),
        }
    }
    limits
}

fn check_blanks(declared: &DeclaredOperation, errors: &mut Vec<ManifestError>) {
    let installs_alone = declared.used_by.iter().eq([&Interface::WebhookToken]);
    for blank in declared.blanks() {
        match blank {
            Blank::Value(name) if declared.used_by.is_empty() => errors
                .push(ManifestError::NothingFills { operation: declared.name.clone(), blank: name.clone() }),
            Blank::WebhookToken if !installs_alone => {
                errors.push(ManifestError::TokenOutOfPlace(declared.name.clone()));
            }
            _ => {}
        }
    }
}
