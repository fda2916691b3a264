//! Connects the connector to its sandbox: converts between the contract's generated types and the connector's own.
//! Tested in `tests/all/iterable`.

use bindings::{
    exports::privacy::saas_connector::{
        connector as wit_connector, consent as wit_consent, erasure as wit_erasure,
        webhook_token as wit_token, webhook_verify as wit_verify,
    },
    privacy::saas_connector::{credentials, http as wit_http, log, types},
};

use crate::{
    check, consent, erasure,
    error::{Error, ErrorKind},
    http::{Request, Response, SendError, SendErrorKind, Vendor},
    manifest::{self, Effect, Field, IdentifierKind, Operation, RequestPart},
    settings::{self, Settings},
    subject::Identifier,
    token, webhook,
};

#[expect(unsafe_code, clippy::pedantic, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "saas-connector",
    });

    export!(Component);
    use super::Component;
}

/// Uses an instance's initial memory before growing it, since growing takes longer than the rest of a short call.
#[cfg(target_os = "unknown")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

struct Component;

/// The host, reached through the contract's imports.
struct Host;

impl Vendor for Host {
    fn send(&mut self, request: Request) -> Result<Response, SendError> {
        let values = request.values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = wit_http::Request {
            operation: request.operation.name.to_owned(),
            values,
            query: Vec::new(),
            body: request.body,
        };
        let response = wit_http::send(&request).map_err(SendError::from)?;
        Ok(Response { status: response.status, retry_after_ms: response.retry_after_ms, body: response.body })
    }

    fn warn(&mut self, message: &str) {
        log::write(log::Level::Warn, message);
    }
}

impl wit_connector::Guest for Component {
    fn describe() -> wit_connector::Manifest {
        let manifest = manifest::describe();
        wit_connector::Manifest {
            name: manifest.name.to_owned(),
            version: manifest.version,
            vendor: manifest.vendor.to_owned(),
            documentation: manifest.documentation.to_owned(),
            settings: manifest.settings.iter().map(setting).collect(),
            operations: manifest.operations.iter().map(|found| operation(found)).collect(),
            limits: manifest.limits.iter().map(limit).collect(),
            webhook_token_slot: Some(wit_connector::TokenSlot {
                place: wit_connector::Place::Header,
                name: manifest::TOKEN_HEADER.to_owned(),
            }),
            identifier_kinds: manifest.identifier_kinds.iter().map(identifier_kind).collect(),
            item_kinds: texts(manifest.item_kinds),
            proves_without: Vec::new(),
        }
    }

    fn test_connection(settings: types::Settings) -> Result<Vec<wit_connector::Check>, types::Error> {
        let checks = check::test_connection(&Settings::read(&settings)?, &mut Host);
        Ok(checks.into_iter().map(wit_connector::Check::from).collect())
    }
}

impl wit_erasure::Guest for Component {
    fn erase(
        settings: types::Settings,
        subject: types::Subject,
    ) -> Result<wit_erasure::Receipt, types::Error> {
        Ok(erasure::erase(&Settings::read(&settings)?, &mut Host, &identifiers(subject))?.into())
    }

    fn confirm(
        settings: types::Settings,
        erasures: Vec<wit_erasure::PendingErasure>,
    ) -> Result<Vec<wit_erasure::Receipt>, types::Error> {
        let erasures: Vec<_> = erasures
            .into_iter()
            .map(|pending| erasure::PendingErasure {
                subject: identifiers(pending.subject),
                reference: pending.reference,
            })
            .collect();
        let receipts = erasure::confirm(&Settings::read(&settings)?, &mut Host, &erasures)?;
        Ok(receipts.into_iter().map(wit_erasure::Receipt::from).collect())
    }
}

impl wit_consent::Guest for Component {
    fn list_items(settings: types::Settings) -> Result<Vec<wit_consent::Item>, types::Error> {
        Settings::read(&settings)?;
        let items = consent::list_items(&mut Host)?;
        Ok(items.into_iter().map(wit_consent::Item::from).collect())
    }

    fn current(
        settings: types::Settings,
        subject: types::Subject,
    ) -> Result<Option<Vec<wit_consent::Held>>, types::Error> {
        let held = consent::current(&Settings::read(&settings)?, &mut Host, &identifiers(subject))?;
        Ok(held.map(|held| held.into_iter().map(wit_consent::Held::from).collect()))
    }

    fn apply(
        settings: types::Settings,
        subject: types::Subject,
        preferences: Vec<types::Preference>,
    ) -> Result<wit_consent::Report, types::Error> {
        let preferences: Vec<_> = preferences.into_iter().map(consent::Preference::from).collect();
        Ok(consent::apply(&Settings::read(&settings)?, &mut Host, &identifiers(subject), &preferences)?
            .into())
    }
}

impl wit_verify::Guest for Component {
    fn verify(
        _settings: types::Settings,
        delivery: wit_verify::Delivery,
    ) -> Result<wit_verify::Verdict, types::Error> {
        let wit_verify::Delivery { headers, body, received_at_ms, .. } = delivery;
        let delivery = webhook::Delivery { headers, body, received_at_ms };
        let verdict = webhook::verify(&delivery, credentials::accepts_webhook_token);
        if let webhook::Verdict::Authentic(webhook::Reading { warning: Some(warning), .. }) = &verdict {
            Host.warn(warning);
        }
        Ok(verdict.into())
    }
}

impl wit_token::Guest for Component {
    fn install(settings: types::Settings) -> Result<wit_token::Outcome, types::Error> {
        Ok(match token::install(&Settings::read(&settings)?, &mut Host)? {
            token::InstallOutcome::Installed => wit_token::Outcome::Installed,
            token::InstallOutcome::Manual => wit_token::Outcome::Manual,
        })
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn identifiers(subject: types::Subject) -> Vec<Identifier> {
    subject.into_iter().map(|found| Identifier { kind: found.kind, value: found.value }).collect()
}

fn setting(spec: &manifest::SettingSpec) -> wit_connector::SettingSpec {
    wit_connector::SettingSpec {
        name: spec.name.to_owned(),
        label: spec.label.to_owned(),
        description: spec.description.to_owned(),
        required: spec.required,
        secret: spec.secret,
        default: spec.default.map(str::to_owned),
        options: texts(spec.options),
    }
}

fn limit(limit: &manifest::Limit) -> wit_connector::Limit {
    wit_connector::Limit {
        name: limit.name.to_owned(),
        requests: limit.requests,
        period_ms: Some(limit.period_ms),
    }
}

fn identifier_kind(kind: &IdentifierKind) -> wit_connector::IdentifierKind {
    let condition = wit_connector::SettingCondition {
        setting: settings::PROJECT_TYPE.to_owned(),
        values: texts(kind.unique_in),
    };
    wit_connector::IdentifierKind {
        name: kind.name.to_owned(),
        identifies: wit_connector::Identifies::When(condition),
    }
}

fn operation(operation: &Operation) -> wit_connector::Operation {
    wit_connector::Operation {
        name: operation.name.to_owned(),
        purpose: operation.purpose.to_owned(),
        used_by: texts(operation.used_by),
        host_setting: settings::DOMAIN.to_owned(),
        method: operation.method.to_owned(),
        effect: Some(match operation.effect {
            Effect::Read => wit_connector::Effect::Read,
            Effect::Write => wit_connector::Effect::Write,
        }),
        path: operation.path.to_owned(),
        query: Vec::new(),
        content_type: operation.content_type.map(str::to_owned),
        fields: operation.fields.iter().map(field).collect(),
        captures: Vec::new(),
        response_headers: Vec::new(),
        response_limit: operation.response_limit,
        limits: texts(operation.limits),
        repeatable: operation.repeatable,
    }
}

fn field(field: &Field) -> wit_connector::Field {
    let place = match field.place {
        RequestPart::Header => wit_connector::Place::Header,
        RequestPart::Body => wit_connector::Place::Body,
    };
    wit_connector::Field { place, name: field.name.to_owned(), value: field.value.to_owned() }
}

impl From<wit_http::Error> for SendError {
    fn from(error: wit_http::Error) -> Self {
        let kind = match error.kind {
            wit_http::ErrorKind::Denied => SendErrorKind::Denied,
            wit_http::ErrorKind::NoCredential => SendErrorKind::NoCredential,
            wit_http::ErrorKind::RateLimited => SendErrorKind::RateLimited,
            wit_http::ErrorKind::TimedOut => SendErrorKind::TimedOut,
            wit_http::ErrorKind::Unreachable => SendErrorKind::Unreachable,
            wit_http::ErrorKind::TooLarge => SendErrorKind::TooLarge,
            wit_http::ErrorKind::BudgetSpent => SendErrorKind::BudgetSpent,
        };
        let wit_http::Error { message, request_sent, retry_after_ms, .. } = error;
        Self { kind, message, request_sent, retry_after_ms }
    }
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::InvalidSettings => types::ErrorKind::InvalidSettings,
            ErrorKind::MissingIdentity => types::ErrorKind::MissingIdentity,
            ErrorKind::Unauthorized => types::ErrorKind::Unauthorized,
            ErrorKind::RateLimited => types::ErrorKind::RateLimited,
            ErrorKind::Unavailable => types::ErrorKind::Unavailable,
            ErrorKind::Rejected => types::ErrorKind::Rejected,
            ErrorKind::Other => types::ErrorKind::Other,
        };
        let Error { code, message, retry_after_ms, may_have_acted, .. } = error;
        Self { kind, code, message, retry_after_ms, may_have_acted }
    }
}

impl From<check::Check> for wit_connector::Check {
    fn from(check: check::Check) -> Self {
        let outcome = match check.outcome {
            check::CheckOutcome::Passed => wit_connector::Outcome::Passed,
            check::CheckOutcome::Failed => wit_connector::Outcome::Failed,
            check::CheckOutcome::Untried => wit_connector::Outcome::Untried,
        };
        Self { name: check.name.to_owned(), outcome, detail: check.detail }
    }
}

impl From<erasure::Receipt> for wit_erasure::Receipt {
    fn from(receipt: erasure::Receipt) -> Self {
        let status = match receipt.status {
            erasure::Status::Accepted => wit_erasure::Status::Accepted,
            erasure::Status::Erased => wit_erasure::Status::Erased,
            erasure::Status::NotFound => wit_erasure::Status::NotFound,
        };
        let erasure::Receipt { evidence, reference, confirm_after_ms, .. } = receipt;
        Self { status, evidence, reference, confirm_after_ms }
    }
}

impl From<consent::ItemId> for types::ItemId {
    fn from(item: consent::ItemId) -> Self {
        Self { kind: item.kind, id: item.id }
    }
}

impl From<consent::Choice> for types::Choice {
    fn from(choice: consent::Choice) -> Self {
        match choice {
            consent::Choice::OptIn => Self::OptIn,
            consent::Choice::OptOut => Self::OptOut,
        }
    }
}

impl From<types::Preference> for consent::Preference {
    fn from(preference: types::Preference) -> Self {
        let choice = match preference.choice {
            types::Choice::OptIn => consent::Choice::OptIn,
            types::Choice::OptOut => consent::Choice::OptOut,
        };
        let item = consent::ItemId { kind: preference.item.kind, id: preference.item.id };
        Self { item, choice, chosen_at_ms: preference.chosen_at_ms, source: preference.source }
    }
}

impl From<consent::Preference> for types::Preference {
    fn from(preference: consent::Preference) -> Self {
        let consent::Preference { item, choice, chosen_at_ms, source } = preference;
        Self { item: item.into(), choice: choice.into(), chosen_at_ms, source }
    }
}

impl From<consent::Item> for wit_consent::Item {
    fn from(item: consent::Item) -> Self {
        Self { id: item.id.into(), name: item.name, parent: item.parent.map(types::ItemId::from) }
    }
}

impl From<consent::HeldChoice> for wit_consent::Held {
    fn from(held: consent::HeldChoice) -> Self {
        Self { item: held.item.into(), choice: held.choice.into() }
    }
}

impl From<consent::Report> for wit_consent::Report {
    fn from(report: consent::Report) -> Self {
        let standing = match report.standing {
            consent::Standing::Known => wit_consent::Standing::Known,
            consent::Standing::Created => wit_consent::Standing::Created,
            consent::Standing::Forgotten => wit_consent::Standing::Forgotten,
        };
        let items = report.items.into_iter().map(wit_consent::ItemReport::from).collect();
        Self { items, standing, settles_after_ms: report.settles_after_ms }
    }
}

impl From<consent::ItemReport> for wit_consent::ItemReport {
    fn from(report: consent::ItemReport) -> Self {
        let change = match report.change {
            consent::Change::Applied => wit_consent::Change::Applied,
            consent::Change::Unchanged => wit_consent::Change::Unchanged,
            consent::Change::Pending => wit_consent::Change::Pending,
            consent::Change::Refused => wit_consent::Change::Refused,
        };
        Self { item: report.item.into(), change, detail: report.detail }
    }
}

impl From<webhook::Verdict> for wit_verify::Verdict {
    fn from(verdict: webhook::Verdict) -> Self {
        match verdict {
            webhook::Verdict::Authentic(reading) => {
                Self::Authentic(reading.event.into_iter().map(wit_verify::ConsentEvent::from).collect())
            }
            webhook::Verdict::Unauthenticated(why) => Self::Unauthenticated(why),
            webhook::Verdict::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

impl From<webhook::ConsentEvent> for wit_verify::ConsentEvent {
    fn from(event: webhook::ConsentEvent) -> Self {
        let identifier = |found: Identifier| types::Identifier { kind: found.kind, value: found.value };
        Self {
            subject: event.subject.into_iter().map(identifier).collect(),
            preferences: event.preferences.into_iter().map(types::Preference::from).collect(),
            changed: event.changed.into_iter().map(types::ItemId::from).collect(),
            key: event.key,
        }
    }
}
