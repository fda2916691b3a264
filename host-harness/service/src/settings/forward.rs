//! Where to post a tenant's consent events: `[tenants.NAME.forward]`.
//! Tested in `src/settings/tests.rs`.

use super::{required::required, urls::wrong_post_url, wrong::WrongSetting};
use crate::posts::post::SigningKey;
use host_harness::config::{ConfigProblemKind, Problems, ReadContext, Section};

/// Where to post a tenant's consent events.
#[derive(Clone, Debug)]
pub struct ForwardConfig {
    /// The platform's address; the base address of a Fides.
    pub url: String,
    /// How they are posted.
    pub(crate) form: ForwardForm,
}

/// How consent events are posted.
#[derive(Clone, Debug)]
pub(crate) enum ForwardForm {
    /// Each event as it is in the feed, signed with this key.
    Standard(SigningKey),
    /// By the calls with which open-source Fides stores a consent.
    Fides,
}

/// Reads the section `forward` of a tenant.
pub(super) fn forward(
    mut section: Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<ForwardConfig> {
    let (at, place) = (section.at("url"), section.place.clone());
    let Some(entry) = section.take("url") else {
        problems.add(at, &place, ConfigProblemKind::MissingKey("url"));
        return None;
    };
    let url = entry.text(problems)?;
    if let Some(wrong) = wrong_post_url(&url) {
        problems.add(at, &format!("{place}.url"), wrong);
    }
    let form_at = section.at("form");
    let form = match section.take("form") {
        Some(entry) => entry.text(problems)?,
        None => "standard".to_owned(),
    };
    let form = match form.as_str() {
        "standard" => ForwardForm::Standard(signing_key(&mut section, around, problems)?),
        "fides" => {
            if url.contains('?') {
                problems.add(at, &format!("{place}.url"), WrongSetting::FidesUrl.into());
            }
            let secret_at = section.at("secret");
            if section.take("secret").is_some() {
                problems.add(secret_at, &format!("{place}.secret"), WrongSetting::FidesSecret.into());
            }
            ForwardForm::Fides
        }
        other => {
            problems.add(
                form_at,
                &format!("{place}.form"),
                WrongSetting::Form { found: other.to_owned() }.into(),
            );
            return None;
        }
    };
    section.end(problems);
    Some(ForwardConfig { url, form })
}

fn signing_key(
    section: &mut Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<SigningKey> {
    let (at, place) = (section.at("secret"), format!("{}.secret", section.place));
    let secret = required(section, "secret", around, problems)?;
    let key = SigningKey::read(&secret);
    key.map_err(|wrong| problems.add(at, &place, WrongSetting::SigningSecret(wrong).into())).ok()
}
