//! The address of the sign-in screen, which leads back to the address that was requested.

use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

/// The path of the sign-in screen.
pub(crate) const PATH: &str = "/sign-in";

/// Returns the address of the sign-in screen that leads to `target` afterwards.
pub(crate) fn address_before(target: &str) -> String {
    if target == "/" {
        return PATH.to_owned();
    }
    let target: String = byte_serialize(target.as_bytes()).collect();
    format!("{PATH}?next={target}")
}

/// Where to go after signing in.
#[derive(Deserialize)]
pub(crate) struct Next {
    pub(crate) next: Option<String>,
}

impl Next {
    /// Returns the target if it is on this page. `//` begins the address of another site, and so does `/\`. A browser leaves out
    /// tabs and line breaks, so that others may follow.
    pub(crate) fn local(self) -> String {
        let is_local = |next: &String| {
            let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
            is_plain && next.starts_with('/') && !next.starts_with("//")
        };
        self.next.filter(is_local).unwrap_or_else(|| "/".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_only_to_this_page() {
        let local = |next: &str| Next { next: Some(next.to_owned()) }.local();
        assert_eq!(local("/requests?state=failed"), "/requests?state=failed");
        for next in [
            "https://example.com",
            "//example.com",
            "/\\example.com",
            "requests",
            "",
            "/\t/example.com",
            "/\n/x",
            "/ü",
        ] {
            assert_eq!(local(next), "/", "{next}");
        }
        assert_eq!(address_before("/requests?state=failed"), "/sign-in?next=%2Frequests%3Fstate%3Dfailed");
    }
}
