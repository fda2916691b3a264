//! Stores consents in open-source Fides, which keeps one choice for each data use of a person and has no notices. It only
//! stores them: without `executable_options`, Fides passes them on to no one, so that none comes back.
//! Tested in `src/consent/tests/forwarded_to_fides.rs`.

use std::{collections::BTreeMap, time::SystemTime};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::post::{PostError, Poster};
use crate::consent::feed::{FeedChoice, FeedEvent};
use host_model::consent::{Notice, NoticeAnswer, identity::IdentityMap};

/// The identifiers by which Fides knows a person who consents, in the order in which they are tried.
const IDENTITIES: [&str; 3] = ["email", "phone_number", "external_id"];

/// Whether Fides sends people codes that they have to confirm.
#[derive(Deserialize)]
struct VerificationConfig {
    identity_verification_required: bool,
    #[serde(default)]
    disable_consent_identity_verification: Option<bool>,
}

#[derive(Deserialize)]
struct ConsentRequest {
    consent_request_id: String,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FidesEvent {
    /// Fides has it.
    Stored,
    /// It is about no notice with a data use, such as a choice for a single item.
    NotForFides,
    /// Fides cannot name its person.
    Unidentified,
    /// Fides refuses it, and would again.
    Refused,
}

/// Stores the choice of `event` under the data uses of its notice, at the Fides with the address `base`. An event that
/// Fides cannot store is skipped.
pub(super) async fn store_consent(
    poster: &Poster,
    base: &str,
    event: &FeedEvent,
    notices: &[Notice],
    now: SystemTime,
) -> Result<FidesEvent, PostError> {
    let Some(consent) = consents(event, notices) else { return Ok(FidesEvent::NotForFides) };
    let identities = identities(&event.identity_map);
    if identities.is_empty() {
        return Ok(FidesEvent::Unidentified);
    }
    let at = |path: &str| format!("{}/api/v1{path}", base.trim_end_matches('/'));
    let config = poster.exchange(Method::GET, &at("/id-verification/config"), None, now).await?;
    let VerificationConfig { identity_verification_required, disable_consent_identity_verification } =
        read(config)?;
    // Otherwise Fides would send the person a code for each event, and refuse the choice without it.
    if disable_consent_identity_verification
        .map_or(identity_verification_required, |is_disabled| !is_disabled)
    {
        let why = "Fides asks people who consent to confirm a code; set \
                   FIDES__EXECUTION__DISABLE_CONSENT_IDENTITY_VERIFICATION=true there";
        return Err(PostError::without_answer(why));
    }
    for identity in identities {
        match store_for(poster, &at, &identity, &consent, now).await {
            // An address or a number that is not in the form that Fides expects.
            Err(refused) if refused.status == Some(422) => {}
            stored => return stored.map(|()| FidesEvent::Stored),
        }
    }
    Ok(FidesEvent::Refused)
}

/// Stores `consent` for the person whom `identity` names. A single identifier: with several, Fides refuses all for one that
/// is invalid, and chooses by its own settings under which of them it stores the consent.
async fn store_for(
    poster: &Poster,
    at: impl Fn(&str) -> String,
    identity: &Value,
    consent: &[Value],
    now: SystemTime,
) -> Result<(), PostError> {
    let person = json!({ "identity": identity });
    let answer = poster.exchange(Method::POST, &at("/consent-request"), Some(&person), now).await?;
    let ConsentRequest { consent_request_id } = read(answer)?;
    if !consent_request_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Err(unexpected());
    }
    let preferences = at(&format!("/consent-request/{consent_request_id}/preferences"));
    let body = json!({ "identity": identity, "consent": consent });
    poster.exchange(Method::PATCH, &preferences, Some(&body), now).await.map(drop)
}

fn read<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, PostError> {
    serde_json::from_value(answer).map_err(|_| unexpected())
}

fn unexpected() -> PostError {
    PostError::without_answer("the receiver does not answer like Fides")
}

/// The names by which Fides may know the person, one identifier each.
fn identities(IdentityMap(identity): &IdentityMap) -> Vec<Value> {
    IDENTITIES.iter().filter_map(|kind| Some(json!({ *kind: identity.get(*kind)?.as_str() }))).collect()
}

/// One consent for each data use, or `None` if there is none. An opt-in for a data use that several notices share is left
/// out: Fides has one choice for all of them, and the person may be out of another one.
fn consents(event: &FeedEvent, notices: &[Notice]) -> Option<Vec<Value>> {
    let FeedChoice::Notice { notice_id_map } = &event.news.chosen else { return None };
    let mut uses: BTreeMap<&str, bool> = BTreeMap::new();
    for (id, answer) in notice_id_map {
        let opt_in = match answer {
            NoticeAnswer::OptIn => true,
            NoticeAnswer::OptOut => false,
            NoticeAnswer::Acknowledge | NoticeAnswer::Tcf => continue,
        };
        for data_use in notices.iter().filter(|notice| notice.id == *id).flat_map(|notice| &notice.data_uses)
        {
            let sharing = notices.iter().filter(|notice| notice.data_uses.contains(data_use)).count();
            if !opt_in || sharing == 1 {
                uses.insert(data_use, opt_in);
            }
        }
    }
    let consent = |(data_use, opt_in): (&str, bool)| json!({"data_use": data_use, "opt_in": opt_in});
    let consents: Vec<Value> = uses.into_iter().map(consent).collect();
    (!consents.is_empty()).then_some(consents)
}
