//! The targets of a connection's requests: hosts that the manifest's options or the operator's policy allow.

use std::fmt;

use url::{Host, Url};

use super::{address::Reach, policy::EgressPolicy, setting::matches_option};
use host_model::contract::manifest::SettingSpec;

/// A host and port that requests may go to, with the addresses and the scheme that are allowed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
    pub(crate) reach: Reach,
}

/// Why a host setting is not a valid target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not `host` or `host:port`.
    #[error("expected a host name such as api.example.com, found {found:?}")]
    NotAHost {
        /// The setting's value.
        found: String,
    },
    /// The host is not written in ASCII, so it could be taken for another one.
    #[error("the host is written with characters outside ASCII: write it as {ascii:?}")]
    NotAscii {
        /// The host in ASCII.
        ascii: String,
    },
    /// Neither the manifest's options nor the policy allow the host.
    #[error(
        "the host {host:?} is not one of the connector's hosts ({}); to allow it, add to the configuration:\n\
         [connections.{connection}.egress]\nhosts = [{host:?}]",
        any_of(.known)
    )]
    NotAllowed {
        /// The setting's value.
        host: String,
        /// The hosts that the manifest allows.
        known: Vec<String>,
        /// The connection's key.
        connection: String,
    },
    /// The host is a literal address that is not allowed.
    #[error("{}", address_refused(.address, .why, .connection))]
    Address {
        /// The address.
        address: String,
        /// Why it is not allowed.
        why: &'static str,
        /// The connection's key.
        connection: String,
    },
}

fn any_of(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

/// Returns the message about an address that is not allowed. Loopback is the only special range that an operator can
/// allow.
pub(crate) fn address_refused(address: &str, why: &str, connection: &str) -> String {
    let refused = format!("the address {address} is not allowed ({why})");
    if why == "loopback" {
        format!(
            "{refused}; to allow this machine, add to the configuration:\n\
             [connections.{connection}.egress]\nloopback = true"
        )
    } else {
        refused
    }
}

impl Target {
    /// Creates the target for `value` of `setting` under `policy`.
    pub(crate) fn of(
        connection: &str,
        setting: &SettingSpec,
        value: &str,
        policy: &EgressPolicy,
    ) -> Result<Self, TargetError> {
        let (host, port) = parsed(value)?;
        let known = setting.options.iter().any(|option| matches_option(option, value));
        if !known && !policy.hosts.contains(value) {
            return Err(TargetError::NotAllowed {
                host: value.to_owned(),
                known: setting.options.clone(),
                connection: connection.to_owned(),
            });
        }
        let target = Self { host, port, reach: policy.reach };
        match target.literal().and_then(|address| target.reach.refusal(address)) {
            Some(why) => Err(TargetError::Address {
                address: target.host.to_string(),
                why,
                connection: connection.to_owned(),
            }),
            None => Ok(target),
        }
    }

    /// Returns the address if the host is a literal address, for which no resolver is used.
    fn literal(&self) -> Option<std::net::IpAddr> {
        match self.host {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    fn scheme(&self) -> &'static str {
        if self.reach == Reach::Loopback { "http" } else { "https" }
    }
}

/// The beginning of a URL, without a path.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Checks that `text` is `host` or `host:port` in ASCII.
pub fn check_host(text: &str) -> Result<(), TargetError> {
    parsed(text).map(drop)
}

/// Reads an `http` or `https` address with a host, in ASCII and without white space: any other spelling of its host could
/// be taken for another one. Returns `None` if `text` is none.
pub fn web_address(text: &str) -> Option<Url> {
    let is_web = |url: &Url| ["http", "https"].contains(&url.scheme()) && url.has_host();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    Url::parse(text).ok().filter(|url| is_plain && is_web(url))
}

/// Returns whether `text` is a [`web_address`] without a fragment, which is never sent.
pub fn is_address(text: &str) -> bool {
    web_address(text).is_some_and(|url| url.fragment().is_none())
}

fn parsed(text: &str) -> Result<(Host, Option<u16>), TargetError> {
    let (host, port) = host_and_port(text).ok_or_else(|| TargetError::NotAHost { found: text.to_owned() })?;
    if text.is_ascii() {
        return Ok((host, port));
    }
    let ascii = port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
    Err(TargetError::NotAscii { ascii })
}

/// Parses a host as HTTP clients do, so that `0x7f.1` is the address that a client would connect to.
fn host_and_port(value: &str) -> Option<(Host, Option<u16>)> {
    let looks_like_more = |c: char| c.is_whitespace() || c.is_control() || "/\\@?#%".contains(c);
    if value.is_empty() || value.contains(looks_like_more) {
        return None;
    }
    let after_address = value.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match value.get(after_address..)?.rfind(':') {
        Some(colon) => {
            let (host, port) = value.split_at(after_address + colon);
            (host, Some(port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?))
        }
        None => (value, None),
    };
    Some((Host::parse(host).ok()?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(options: &[&str]) -> SettingSpec {
        SettingSpec {
            name: "domain".into(),
            options: options.iter().map(ToString::to_string).collect(),
            ..Default::default()
        }
    }

    fn target(value: &str, options: &[&str], policy: &EgressPolicy) -> Result<String, TargetError> {
        Target::of("newsletter", &domain(options), value, policy).map(|target| target.to_string())
    }

    fn allowing(host: &str) -> EgressPolicy {
        EgressPolicy { hosts: [host.to_owned()].into(), ..Default::default() }
    }

    #[test]
    fn the_manifests_options_and_the_operators_hosts_are_targets() {
        let options = ["api.example.com", "*.eu.example.com"];
        let closed = EgressPolicy::default();
        assert_eq!(target("api.example.com", &options, &closed).unwrap(), "https://api.example.com");
        assert_eq!(target("a.b.eu.example.com", &options, &closed).unwrap(), "https://a.b.eu.example.com");
        assert_eq!(
            target("h.example.net:8443", &options, &allowing("h.example.net:8443")).unwrap(),
            "https://h.example.net:8443"
        );
    }

    #[test]
    fn a_denied_host_shows_the_lines_that_would_allow_it() {
        let denied =
            target("api.example.net", &["api.example.com", "api.eu.example.com"], &EgressPolicy::default());
        assert_eq!(
            denied.unwrap_err().to_string(),
            "the host \"api.example.net\" is not one of the connector's hosts (api.example.com, api.eu.example.com); \
             to allow it, add to the configuration:\n\
             [connections.newsletter.egress]\n\
             hosts = [\"api.example.net\"]"
        );
    }

    #[test]
    fn a_host_of_another_spelling_port_or_suffix_is_not_the_allowed_one() {
        for value in [
            "api.example.com:8443",
            "API.example.com.",
            "api.example.com.evil.example",
            "evilapi.example.com",
        ] {
            let denied = target(value, &["api.example.com"], &EgressPolicy::default());
            assert!(matches!(denied, Err(TargetError::NotAllowed { .. })), "{value}: {denied:?}");
        }
        let denied = target(".eu.example.com", &["*.eu.example.com"], &EgressPolicy::default());
        assert!(matches!(denied, Err(TargetError::NotAllowed { .. })), "{denied:?}");
    }

    #[test]
    fn a_host_outside_ascii_is_refused_and_shown_in_punycode_even_if_it_is_allowed_as_written() {
        for (value, ascii) in [
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("\u{430}pi.example.com:8443", "xn--pi-6kc.example.com:8443"),
            ("api.example\u{3002}com", "api.example.com"),
        ] {
            let refused = target(value, &[value], &allowing(value)).unwrap_err();
            assert_eq!(refused, TargetError::NotAscii { ascii: ascii.into() });
            assert_eq!(
                refused.to_string(),
                format!("the host is written with characters outside ASCII: write it as \"{ascii}\"")
            );
        }
    }

    #[test]
    fn what_is_no_host_is_no_target() {
        for value in [
            "",
            " ",
            "https://api.example.com",
            "api.example.com/v1",
            "user@api.example.com",
            "api.example.com?x",
            "api.example.com#x",
            "a b",
            "api.example.com:0",
            "api.example.com:x",
            "api.example.com:99999",
            "[::1",
            "a\\b",
            "a\r\nb",
            "%61pi.example.com",
        ] {
            assert_eq!(
                target(value, &[], &allowing(value)),
                Err(TargetError::NotAHost { found: value.to_owned() }),
            );
        }
    }

    #[test]
    fn a_literal_address_is_judged_in_every_spelling_though_the_operator_listed_it() {
        for value in [
            "10.0.0.1",
            "0x0a000001",
            "167772161",
            "012.0.0.1",
            "10.1",
            "[::ffff:10.0.0.1]",
            "[fd00::1]:443",
            "169.254.169.254",
        ] {
            let denied = target(value, &[], &allowing(value));
            assert!(matches!(denied, Err(TargetError::Address { .. })), "{value}: {denied:?}");
        }
    }

    #[test]
    fn loopback_needs_the_operators_word_and_the_denial_says_how() {
        for value in
            ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]"]
        {
            let denied = target(value, &[], &allowing(value)).unwrap_err().to_string();
            assert!(
                denied.ends_with(
                    "is not allowed (loopback); to allow this machine, add to the configuration:\n\
                 [connections.newsletter.egress]\nloopback = true"
                ),
                "{value}: {denied}"
            );
            let policy = EgressPolicy { reach: Reach::PublicAndLoopback, ..allowing(value) };
            assert!(target(value, &[], &policy).unwrap().starts_with("https://"), "{value}");
        }
    }

    #[test]
    fn plain_http_is_spoken_to_loopback_alone() {
        let policy = EgressPolicy { reach: Reach::Loopback, ..allowing("127.0.0.1:8080") };
        assert_eq!(target("127.0.0.1:8080", &[], &policy).unwrap(), "http://127.0.0.1:8080");
        let policy = EgressPolicy { reach: Reach::Loopback, ..allowing("1.1.1.1") };
        assert!(matches!(target("1.1.1.1", &[], &policy), Err(TargetError::Address { .. })));
    }
}
