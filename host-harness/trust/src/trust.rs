//! The decision whether a component is trusted for a plugin's name.

use host_model::digest::Digest;

use crate::{
    bundle::{Bundle, Envelope, MessageSignature},
    format::PAYLOAD_TYPE,
    pae::pre_authentication_encoding,
    refusal::Refusal,
    required::Required,
    revision::{Arrival, HighWaterMark},
    signed::{Signed, SignedContent},
    statement::{ConformanceResult, Statement},
    statement_json,
    trusted_key::{KeyFingerprint, TrustedKeys},
};

/// What the configuration trusts for one plugin's name. It alone decides which keys count and what a bundle has to
/// contain: nothing in a component or a bundle can weaken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    plugin: String,
    keys: TrustedKeys,
    required: Required,
}

impl Trust {
    /// Creates the trust in `keys` for `plugin`, the name that the plugin has in the host's configuration.
    pub fn new(plugin: impl Into<String>, keys: impl Into<TrustedKeys>, required: Required) -> Self {
        Self { plugin: plugin.into(), keys: keys.into(), required }
    }

    /// Returns the name of the plugin.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Returns the fingerprints of the trusted keys, in the order of the configuration.
    pub fn keys(&self) -> Vec<KeyFingerprint> {
        self.keys.fingerprints()
    }

    /// Returns what a bundle has to contain.
    pub fn required(&self) -> Required {
        self.required
    }

    /// Decides whether `component` may run as this plugin. `bundle` is the text of its bundle, `None` if it came without
    /// one, and `now` the time in milliseconds since 1970 in UTC.
    pub fn verify(
        &self,
        component: &[u8],
        bundle: Option<&[u8]>,
        arrival: Arrival,
        now: i64,
    ) -> Result<Signed, Refusal> {
        let bundle = bundle.ok_or_else(|| Refusal::NoBundle { plugin: self.plugin.clone() })?;
        let digest = Digest::of(component);
        let (key, content) = match Bundle::read(bundle)? {
            Bundle::Envelope(envelope) => {
                let key = self.signer_of_envelope(&envelope)?;
                (key, SignedContent::Statement(self.statement(&envelope, digest)?))
            }
            Bundle::Component(message) => {
                let key = self.signer_of_component(component, digest, &message)?;
                (key, SignedContent::Component)
            }
        };
        let signed = Signed { digest, key, content };
        self.check_required(&signed)?;
        self.check_arrival(&signed, arrival, now)?;
        Ok(signed)
    }

    fn signer_of_envelope(&self, envelope: &Envelope) -> Result<KeyFingerprint, Refusal> {
        let message = pre_authentication_encoding(&envelope.payload_type, &envelope.payload);
        self.keys.signer(&message, &envelope.signature).ok_or_else(|| self.foreign_key())
    }

    fn signer_of_component(
        &self,
        component: &[u8],
        digest: Digest,
        message: &MessageSignature,
    ) -> Result<KeyFingerprint, Refusal> {
        self.keys.signer(component, &message.signature).ok_or_else(|| match message.claimed {
            // Only the reason hangs on the claim: it is refused either way.
            Some(signed) if signed != digest => Refusal::Swapped { signed, found: digest },
            _ => self.foreign_key(),
        })
    }

    fn foreign_key(&self) -> Refusal {
        Refusal::ForeignKey { plugin: self.plugin.clone(), trusted: self.keys.fingerprints() }
    }

    /// Reads the statement of an envelope that a trusted key signed.
    fn statement(&self, envelope: &Envelope, found: Digest) -> Result<Statement, Refusal> {
        if envelope.payload_type != PAYLOAD_TYPE {
            let found = envelope.payload_type.clone();
            return Err(Refusal::OtherStatement { found, expected: PAYLOAD_TYPE });
        }
        let statement = statement_json::read(&envelope.payload)?;
        if statement.plugin != self.plugin {
            return Err(Refusal::OtherPlugin { signed: statement.plugin, plugin: self.plugin.clone() });
        }
        if statement.digest != found {
            return Err(Refusal::Swapped { signed: statement.digest, found });
        }
        Ok(statement)
    }

    fn check_required(&self, signed: &Signed) -> Result<(), Refusal> {
        let statement = signed.statement();
        match self.required {
            Required::Signature => Ok(()),
            Required::Statement => statement.map(|_| ()).ok_or_else(|| self.no_statement()),
            Required::PassedConformance => {
                match statement.ok_or_else(|| self.no_statement())?.conformance.result {
                    ConformanceResult::Passed => Ok(()),
                    found => Err(Refusal::NotPassed { found }),
                }
            }
        }
    }

    fn no_statement(&self) -> Refusal {
        Refusal::NoStatement { plugin: self.plugin.clone() }
    }

    fn check_arrival(&self, signed: &Signed, arrival: Arrival, now: i64) -> Result<(), Refusal> {
        match (arrival, signed.statement()) {
            (Arrival::PutBack(served), _) if served == signed.digest => Ok(()),
            (Arrival::PutBack(served), _) => Err(Refusal::NeverServed { found: signed.digest, served }),
            (Arrival::AfterUnknown, _) => Err(Refusal::UnknownRevision { plugin: self.plugin.clone() }),
            (Arrival::FromOutside(mark), Some(statement)) => {
                check_validity(statement, now)?;
                self.check_order(signed, mark)
            }
            (Arrival::FromOutside(mark), None) => self.check_order(signed, mark),
        }
    }

    /// Returns the plugin's mark once `signed` is admitted after `mark`, `None` if neither has a revision. For the
    /// transaction that stores what is admitted: another process may have raised the mark since `signed` was verified.
    pub fn mark_after(
        &self,
        signed: &Signed,
        mark: Option<HighWaterMark>,
    ) -> Result<Option<HighWaterMark>, Refusal> {
        self.check_order(signed, mark)?;
        Ok(signed.mark_after(mark))
    }

    fn check_order(&self, signed: &Signed, mark: Option<HighWaterMark>) -> Result<(), Refusal> {
        match (mark, signed.statement()) {
            (None, _) => Ok(()),
            (Some(mark), Some(statement)) => check_revision(statement, mark),
            // Without a revision, it cannot be distinguished from an old release.
            (Some(mark), None) => Err(Refusal::NoRevision { plugin: self.plugin.clone(), mark }),
        }
    }
}

fn check_validity(statement: &Statement, now: i64) -> Result<(), Refusal> {
    let not_after = statement.not_after;
    if now > not_after { Err(Refusal::Expired { not_after, now }) } else { Ok(()) }
}

/// Checks that the release is not behind `mark`. The component of the mark itself is always current, whichever revision
/// it is signed as.
fn check_revision(statement: &Statement, mark: HighWaterMark) -> Result<(), Refusal> {
    let &Statement { revision, digest, .. } = statement;
    if revision > mark.revision || digest == mark.digest {
        Ok(())
    } else if revision == mark.revision {
        Err(Refusal::RevisionTaken { found: digest, mark })
    } else {
        Err(Refusal::Replayed { found: revision, mark })
    }
}
