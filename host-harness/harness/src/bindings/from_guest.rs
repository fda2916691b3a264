//! Converts the guest's types to the host's. A guest's text is limited and masked here, before anything uses it.
//! Tested in `tests/all/limits`.

use super::generated::{
    contract::types,
    exports::{connector, consent, erasure, webhook_token, webhook_verify},
};
use super::guest_text::{
    MAX_IDENTIFIER, MAX_REFERENCE, MAX_SENTENCE, MAX_WORD, OutOfBounds, name, prose, sentence, vendors_name,
};
use crate::sandbox::masks::Masks;
use host_model::contract::{
    Check, CheckOutcome, Claim, ConnectorError, ErrorKind, Exemption, Identifier, Subject, TokenOutcome,
    consent::{Change, Choice, Item, ItemId, ItemReport, Preference, Report, Standing, VendorChoice},
    erasure::{ErasureStatus, Receipt},
    manifest::{
        Capture, Effect, Field, IdentifierKind, Identifies, Limit, Manifest, Operation, RequestPart,
        SettingSpec, TokenSlot,
    },
    webhook::{ConsentEvent, Verdict},
};

/// Conversion of a guest's value to the host's type within limits. Prose is masked and truncated. A name that is too
/// long is refused, since a truncated name would refer to something else.
pub(crate) trait Bounded {
    /// The host's type.
    type Own;
    /// Returns the value within its limits, with everything that `masks` finds removed from its prose.
    fn bounded(self, masks: &Masks) -> Result<Self::Own, OutOfBounds>;
}

impl<T: Bounded> Bounded for Vec<T> {
    type Own = Vec<T::Own>;
    fn bounded(self, masks: &Masks) -> Result<Self::Own, OutOfBounds> {
        self.into_iter().map(|value| value.bounded(masks)).collect()
    }
}

impl<T: Bounded> Bounded for Option<T> {
    type Own = Option<T::Own>;
    fn bounded(self, masks: &Masks) -> Result<Self::Own, OutOfBounds> {
        self.map(|value| value.bounded(masks)).transpose()
    }
}

impl Bounded for types::Error {
    type Own = ConnectorError;
    fn bounded(self, masks: &Masks) -> Result<ConnectorError, OutOfBounds> {
        Ok(ConnectorError {
            kind: match self.kind {
                types::ErrorKind::InvalidSettings => ErrorKind::InvalidSettings,
                types::ErrorKind::MissingIdentity => ErrorKind::MissingIdentity,
                types::ErrorKind::Unauthorized => ErrorKind::Unauthorized,
                types::ErrorKind::RateLimited => ErrorKind::RateLimited,
                types::ErrorKind::Unavailable => ErrorKind::Unavailable,
                types::ErrorKind::Rejected => ErrorKind::Rejected,
                types::ErrorKind::Unsupported => ErrorKind::Unsupported,
                types::ErrorKind::Other => ErrorKind::Other,
            },
            code: prose(&self.code, MAX_WORD, masks),
            message: prose(&self.message, MAX_SENTENCE, masks),
            retry_after_ms: self.retry_after_ms,
            may_have_acted: self.may_have_acted,
        })
    }
}

impl Bounded for types::ItemId {
    type Own = ItemId;
    fn bounded(self, _: &Masks) -> Result<ItemId, OutOfBounds> {
        Ok(ItemId {
            kind: name("an item kind", self.kind, MAX_WORD)?,
            id: name("an item id", self.id, MAX_WORD)?,
        })
    }
}

impl Bounded for types::Choice {
    type Own = Choice;
    fn bounded(self, _: &Masks) -> Result<Choice, OutOfBounds> {
        Ok(match self {
            types::Choice::OptIn => Choice::OptIn,
            types::Choice::OptOut => Choice::OptOut,
        })
    }
}

impl Bounded for types::Identifier {
    type Own = Identifier;
    fn bounded(self, _: &Masks) -> Result<Identifier, OutOfBounds> {
        Ok(Identifier::new(
            name("an identifier kind", self.kind, MAX_WORD)?,
            name("an identifier", self.value, MAX_IDENTIFIER)?,
        ))
    }
}

impl Bounded for erasure::Receipt {
    type Own = Receipt;
    fn bounded(self, masks: &Masks) -> Result<Receipt, OutOfBounds> {
        Ok(Receipt {
            status: match self.status {
                erasure::Status::Accepted => ErasureStatus::Accepted,
                erasure::Status::Erased => ErasureStatus::Erased,
                erasure::Status::NotFound => ErasureStatus::NotFound,
            },
            evidence: prose(&self.evidence, MAX_SENTENCE, masks),
            reference: self.reference.map(|text| name("a reference", text, MAX_REFERENCE)).transpose()?,
            confirm_after_ms: self.confirm_after_ms,
            observed: None,
        })
    }
}

impl Bounded for consent::Item {
    type Own = Item;
    fn bounded(self, masks: &Masks) -> Result<Item, OutOfBounds> {
        Ok(Item {
            id: self.id.bounded(masks)?,
            name: vendors_name(&self.name, masks),
            parent: self.parent.bounded(masks)?,
        })
    }
}

impl Bounded for consent::Held {
    type Own = VendorChoice;
    fn bounded(self, masks: &Masks) -> Result<VendorChoice, OutOfBounds> {
        Ok(VendorChoice { item: self.item.bounded(masks)?, choice: self.choice.bounded(masks)? })
    }
}

impl Bounded for consent::ItemReport {
    type Own = ItemReport;
    fn bounded(self, masks: &Masks) -> Result<ItemReport, OutOfBounds> {
        Ok(ItemReport {
            item: self.item.bounded(masks)?,
            change: match self.change {
                consent::Change::Applied => Change::Applied,
                consent::Change::Unchanged => Change::Unchanged,
                consent::Change::Pending => Change::Pending,
                consent::Change::Refused => Change::Refused,
            },
            detail: prose(&self.detail, MAX_SENTENCE, masks),
        })
    }
}

impl Bounded for consent::Report {
    type Own = Report;
    fn bounded(self, masks: &Masks) -> Result<Report, OutOfBounds> {
        Ok(Report {
            items: self.items.bounded(masks)?,
            standing: match self.standing {
                consent::Standing::Known => Standing::Known,
                consent::Standing::Created => Standing::Created,
                consent::Standing::Forgotten => Standing::Forgotten,
            },
            settles_after_ms: self.settles_after_ms,
        })
    }
}

impl Bounded for webhook_verify::ConsentEvent {
    type Own = ConsentEvent;
    fn bounded(self, masks: &Masks) -> Result<ConsentEvent, OutOfBounds> {
        let subject = Subject::from(self.subject.bounded(masks)?);
        let preferences = self.preferences.into_iter().map(|made| {
            Ok(Preference {
                item: made.item.bounded(masks)?,
                choice: made.choice.bounded(masks)?,
                chosen_at_ms: made.chosen_at_ms,
                source: sentence(&masks.word(&made.source, &subject), MAX_WORD),
            })
        });
        Ok(ConsentEvent {
            preferences: preferences.collect::<Result<_, OutOfBounds>>()?,
            subject,
            changed: self.changed.bounded(masks)?,
            key: name("an event key", self.key, MAX_WORD)?,
        })
    }
}

impl Bounded for webhook_verify::Verdict {
    type Own = Verdict;
    fn bounded(self, masks: &Masks) -> Result<Verdict, OutOfBounds> {
        Ok(match self {
            Self::Authentic(events) => Verdict::Authentic(events.bounded(masks)?),
            Self::Unauthenticated(why) => Verdict::Unauthenticated(prose(&why, MAX_SENTENCE, masks)),
            Self::Unreadable(why) => Verdict::Unreadable(prose(&why, MAX_SENTENCE, masks)),
        })
    }
}

impl Bounded for webhook_token::Outcome {
    type Own = TokenOutcome;
    fn bounded(self, _: &Masks) -> Result<TokenOutcome, OutOfBounds> {
        Ok(match self {
            Self::Installed => TokenOutcome::Installed,
            Self::Manual => TokenOutcome::Manual,
        })
    }
}

impl Bounded for connector::Check {
    type Own = Check;
    fn bounded(self, masks: &Masks) -> Result<Check, OutOfBounds> {
        Ok(Check {
            name: prose(&self.name, MAX_WORD, masks),
            outcome: match self.outcome {
                connector::Outcome::Passed => CheckOutcome::Passed,
                connector::Outcome::Failed => CheckOutcome::Failed,
                connector::Outcome::Untried => CheckOutcome::Untried,
            },
            detail: prose(&self.detail, MAX_SENTENCE, masks),
        })
    }
}

/// The manifest is converted without limits: `egress::Declaration` refuses anything that is too long and reports it.
impl Bounded for connector::Manifest {
    type Own = Manifest;
    fn bounded(self, masks: &Masks) -> Result<Manifest, OutOfBounds> {
        Ok(Manifest {
            name: self.name,
            version: self.version,
            vendor: self.vendor,
            documentation: self.documentation,
            settings: self.settings.bounded(masks)?,
            operations: self.operations.bounded(masks)?,
            limits: self.limits.bounded(masks)?,
            webhook_token_slot: match self.webhook_token_slot {
                Some(slot) => Some(TokenSlot { place: slot.place.bounded(masks)?, name: slot.name }),
                None => None,
            },
            identifier_kinds: self.identifier_kinds.bounded(masks)?,
            item_kinds: self.item_kinds,
            proves_without: self.proves_without.bounded(masks)?,
        })
    }
}

impl Bounded for connector::IdentifierKind {
    type Own = IdentifierKind;
    fn bounded(self, _: &Masks) -> Result<IdentifierKind, OutOfBounds> {
        Ok(IdentifierKind {
            name: self.name,
            identifies: match self.identifies {
                connector::Identifies::Always => Identifies::Always,
                connector::Identifies::Never => Identifies::Never,
                connector::Identifies::When(connector::SettingCondition { setting, values }) => {
                    Identifies::When { setting, values }
                }
            },
        })
    }
}

impl Bounded for connector::Exemption {
    type Own = Exemption;
    fn bounded(self, _: &Masks) -> Result<Exemption, OutOfBounds> {
        Ok(Exemption {
            claim: match self.claim {
                connector::Claim::EraseAccepted => Claim::EraseAccepted,
                connector::Claim::EraseErased => Claim::EraseErased,
                connector::Claim::EraseNotFound => Claim::EraseNotFound,
                connector::Claim::ConfirmErased => Claim::ConfirmErased,
                connector::Claim::ConfirmNotFound => Claim::ConfirmNotFound,
                connector::Claim::ApplyApplied => Claim::ApplyApplied,
                connector::Claim::ApplyUnchanged => Claim::ApplyUnchanged,
                connector::Claim::ApplyPending => Claim::ApplyPending,
                connector::Claim::CurrentRead => Claim::CurrentRead,
                connector::Claim::TokenInstalled => Claim::TokenInstalled,
            },
            reason: self.reason,
        })
    }
}

impl Bounded for connector::SettingSpec {
    type Own = SettingSpec;
    fn bounded(self, _: &Masks) -> Result<SettingSpec, OutOfBounds> {
        Ok(SettingSpec {
            name: self.name,
            label: self.label,
            description: self.description,
            required: self.required,
            secret: self.secret,
            default: self.default,
            options: self.options,
        })
    }
}

impl Bounded for connector::Limit {
    type Own = Limit;
    fn bounded(self, _: &Masks) -> Result<Limit, OutOfBounds> {
        Ok(Limit { name: self.name, requests: self.requests, period_ms: self.period_ms })
    }
}

impl Bounded for connector::Place {
    type Own = RequestPart;
    fn bounded(self, _: &Masks) -> Result<RequestPart, OutOfBounds> {
        Ok(match self {
            Self::Header => RequestPart::Header,
            Self::Query => RequestPart::Query,
            Self::Body => RequestPart::Body,
        })
    }
}

impl Bounded for connector::Operation {
    type Own = Operation;
    fn bounded(self, masks: &Masks) -> Result<Operation, OutOfBounds> {
        let effect = match self.effect {
            Some(connector::Effect::Read) => Effect::Read,
            Some(connector::Effect::Write) => Effect::Write,
            None => Effect::of_method(&self.method),
        };
        Ok(Operation {
            name: self.name,
            effect,
            purpose: self.purpose,
            used_by: self.used_by,
            host_setting: self.host_setting,
            method: self.method,
            path: self.path,
            query: self.query,
            content_type: self.content_type,
            fields: self
                .fields
                .into_iter()
                .map(|field| {
                    Ok(Field { place: field.place.bounded(masks)?, name: field.name, value: field.value })
                })
                .collect::<Result<_, OutOfBounds>>()?,
            captures: self
                .captures
                .into_iter()
                .map(|capture| Capture {
                    field: capture.field,
                    secret: capture.secret,
                    lifetime: capture.lifetime,
                })
                .collect(),
            response_headers: self.response_headers,
            response_limit: self.response_limit,
            limits: self.limits,
            repeatable: self.repeatable,
        })
    }
}
