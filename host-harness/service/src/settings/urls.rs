//! What addresses of other machines, and the public one of this service, have to look like.
//! Tested in `src/settings/tests.rs`.

use host_harness::{config::ConfigProblemKind, connection::web_address};
use url::{Host, Url};

/// A part of an address that it must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NeedlessPart {
    /// The public address has a part that no address below it could keep.
    #[error(
        "found {0}, expected an address without one, such as https://privacy.example.com: webhook addresses begin with \
         it and go on with a path"
    )]
    OfPublicUrl(&'static str),
    /// An address to post to has a part that is never sent.
    #[error("found a fragment (`#…`), which is never sent: remove it")]
    Fragment,
}

impl From<NeedlessPart> for ConfigProblemKind {
    fn from(part: NeedlessPart) -> Self {
        Self::Extension(part.to_string())
    }
}

/// Returns what is wrong with `text` as the address at which vendors reach the service, or `None` if nothing is.
pub(super) fn wrong_public_url(text: &str) -> Option<ConfigProblemKind> {
    let url = match address(text) {
        Ok(url) => url,
        Err(wrong) => return Some(wrong),
    };
    let has_user = !url.username().is_empty() || url.password().is_some();
    let part = [
        (has_user, "a user or a password (`…@`)"),
        (url.query().is_some(), "a query (`?…`)"),
        (url.fragment().is_some(), "a fragment (`#…`)"),
    ]
    .into_iter()
    .find_map(|(is_there, part)| is_there.then_some(part));
    part.map(|part| NeedlessPart::OfPublicUrl(part).into())
}

/// Returns what is wrong with `text` as an address to post to, or `None` if nothing is. A query may carry a token.
pub(super) fn wrong_post_url(text: &str) -> Option<ConfigProblemKind> {
    match address(text) {
        Ok(url) => url.fragment().map(|_| NeedlessPart::Fragment.into()),
        Err(wrong) => Some(wrong),
    }
}

/// Reads `text` as an address with TLS, or of this machine.
fn address(text: &str) -> Result<Url, ConfigProblemKind> {
    let url = web_address(text).ok_or(ConfigProblemKind::NotAnAddress)?;
    match (url.scheme(), is_loopback(&url)) {
        ("https", _) | ("http", true) => Ok(url),
        ("http", false) => Err(ConfigProblemKind::PlainAddress),
        _ => Err(ConfigProblemKind::NotAnAddress),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
