//! The check at the door: compares the content of the token's slot and replaces it with a placeholder.
//! Tested in `src/door/tests.rs`.

use crate::connection::{
    Redactor,
    token::{self, AcceptedToken},
};
use host_model::{
    contract::{
        manifest::{RequestPart, TokenSlot},
        webhook::Delivery,
    },
    secret::Secret,
};

/// The placeholder for a token that the connection accepted when the delivery arrived.
pub(super) const ACCEPTED: &str = "accepted-webhook-token";
/// The placeholder for anything else.
const REFUSED: &str = "refused-webhook-token";

/// A delivery whose token was checked. It may still contain the token elsewhere and must not be shown before
/// [`AdmittedDelivery::masked`](super::AdmittedDelivery::masked) has removed it.
#[derive(Debug)]
pub struct CheckedDelivery {
    pub(super) delivery: Delivery,
    pub(super) accepted: bool,
    /// Finds the tokens that were presented and accepted. The value of a token known only by its digest is available
    /// nowhere else.
    pub(super) presented: Redactor,
    /// The SHA-256 of the token, if exactly one was presented.
    only: Option<[u8; 32]>,
}

impl CheckedDelivery {
    /// Compares the tokens that `delivery` has in `slot` with `accepted`. A delivery is accepted if there is at least
    /// one token in the slot and all of them are accepted.
    pub fn against(slot: &TokenSlot, accepted: &[AcceptedToken], mut delivery: Delivery) -> Self {
        let mut door =
            Door { tokens: accepted, accepted: 0, refused: 0, last: None, presented: Redactor::default() };
        match slot.place {
            RequestPart::Header => door.check_headers(&slot.name, &mut delivery.headers),
            RequestPart::Query => delivery.url = door.checked_query(&slot.name, &delivery.url),
            // Such a slot is refused when the plugin is loaded.
            RequestPart::Body => {}
        }
        let accepted = door.refused == 0 && door.accepted > 0;
        let only = door.last.filter(|_| accepted && door.accepted == 1);
        Self { delivery, accepted, presented: door.presented, only }
    }

    /// Creates the result for a plugin that declares no slot.
    pub fn without_slot(delivery: Delivery) -> Self {
        Self { delivery, accepted: false, presented: Redactor::default(), only: None }
    }

    /// Returns whether the token is accepted. If not, the delivery can be refused without further checks.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// Returns the SHA-256 of the accepted token, if it is the only one that was presented.
    pub fn only_token(&self) -> Option<[u8; 32]> {
        self.only
    }
}

/// Replaces tokens and counts them.
struct Door<'a> {
    tokens: &'a [AcceptedToken],
    accepted: usize,
    refused: usize,
    last: Option<[u8; 32]>,
    presented: Redactor,
}

impl Door<'_> {
    /// Checks the last word of each header `name` as a token.
    fn check_headers(&mut self, name: &str, headers: &mut [(String, String)]) {
        for (_, value) in headers.iter_mut().filter(|(header, _)| header.eq_ignore_ascii_case(name)) {
            let given = value.trim_end();
            let token = given.rsplit(char::is_whitespace).next().unwrap_or(given);
            let (before, placeholder) = (given.len() - token.len(), self.placeholder(token));
            value.truncate(before);
            value.push_str(placeholder);
        }
    }

    /// Checks each parameter `name` of `url` as a token.
    fn checked_query(&mut self, name: &str, url: &str) -> String {
        let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
        let mut parts = form_urlencoded::Serializer::new(String::new());
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = if key == name { self.placeholder(&value).into() } else { value };
            parts.append_pair(&key, &value);
        }
        format!("{address}?{}", parts.finish())
    }

    /// Returns the placeholder for `presented`.
    fn placeholder(&mut self, presented: &str) -> &'static str {
        let token = token::matching(self.tokens, presented.as_bytes());
        // An empty value is never a token, whatever digest is stored.
        let Some((token, presented)) = token.zip(Secret::new(presented)) else {
            self.refused += 1;
            return REFUSED;
        };
        self.accepted += 1;
        self.last = Some(token.digest());
        self.presented = self.presented.and(token.redactor(&presented));
        ACCEPTED
    }
}
