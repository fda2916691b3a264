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
    let (at, place) = (section.at("url"), format!("{}.url", section.place));
    let url = url(&mut section, problems);
    let form = form(&mut section, around, problems);
    section.end(problems);
    let (url, form) = (url?, form?);
    if matches!(form, ForwardForm::Fides) && url.contains('?') {
        problems.add(at, &place, WrongSetting::FidesUrl.into());
    }
    Some(ForwardConfig { url, form })
}

fn url(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let (at, place) = (section.at("url"), section.place.clone());
    let Some(entry) = section.take("url") else {
        problems.add(at, &place, ConfigProblemKind::MissingKey("url"));
        return None;
    };
    let url = entry.text(problems)?;
    if let Some(wrong) = wrong_post_url(&url) {
        problems.add(at, &format!("{place}.url"), wrong);
    }
    Some(url)
}

fn form(
    section: &mut Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<ForwardForm> {
    let (at, place) = (section.at("form"), format!("{}.form", section.place));
    let form = match section.take("form") {
        Some(entry) => entry.text(problems)?,
        None => "standard".to_owned(),
    };
    match form.as_str() {
        "standard" => signing_key(section, around, problems).map(ForwardForm::Standard),
        "fides" => {
            let (at, place) = (section.at("secret"), format!("{}.secret", section.place));
            if section.take("secret").is_some() {
                problems.add(at, &place, WrongSetting::FidesSecret.into());
            }
            Some(ForwardForm::Fides)
        }
        _ => {
            // Whether it is right depends on the form.
            drop(section.take("secret"));
            problems.add(at, &place, WrongSetting::Form { found: form }.into());
            None
        }
    }
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
