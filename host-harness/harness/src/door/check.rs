//! The check at the door: what stands in the token's slot is compared, and a placeholder goes on in its place.

use crate::connection::{
    Redactor,
    token::{self, AcceptedToken},
};
use host_model::{
    contract::{
        manifest::{Place, TokenSlot},
        webhook::Delivery,
    },
    secret::Secret,
};

/// Stands in the slot for a token that the connection accepted when the delivery arrived.
pub(super) const ACCEPTED: &str = "accepted-webhook-token";
/// Stands in the slot for anything else.
const REFUSED: &str = "refused-webhook-token";

/// A delivery whose token was checked. It may still have the token elsewhere, so that nobody is shown it:
/// [`Admitted::masked`](super::Admitted::masked) takes that out.
#[derive(Debug)]
pub struct Checked {
    pub(super) delivery: Delivery,
    pub(super) accepted: bool,
    /// Finds the tokens that were presented and accepted: nowhere else can one that is known by its digest be seen.
    pub(super) presented: Redactor,
    /// The SHA-256 of the token, where one was presented and no more.
    only: Option<[u8; 32]>,
}

impl Checked {
    /// Compares what `delivery` has in `slot` with all of `accepted`. Accepted are deliveries with a token in the slot and
    /// nothing but accepted ones.
    pub fn against(slot: &TokenSlot, accepted: &[AcceptedToken], mut delivery: Delivery) -> Self {
        let mut door =
            Door { tokens: accepted, accepted: 0, refused: 0, last: None, presented: Redactor::default() };
        match slot.place {
            Place::Header => door.check_headers(&slot.name, &mut delivery.headers),
            Place::Query => delivery.url = door.checked_query(&slot.name, &delivery.url),
            // Refused when the plugin is loaded.
            Place::Body => {}
        }
        let accepted = door.refused == 0 && door.accepted > 0;
        let only = door.last.filter(|_| accepted && door.accepted == 1);
        Self { delivery, accepted, presented: door.presented, only }
    }

    /// A delivery to a plugin that declares no slot.
    pub fn without_slot(delivery: Delivery) -> Self {
        Self { delivery, accepted: false, presented: Redactor::default(), only: None }
    }

    /// Whether the token is accepted. Where it is not, the delivery can be refused without looking any further.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// The SHA-256 of the accepted token, where it is the only one that was presented.
    pub fn only_token(&self) -> Option<[u8; 32]> {
        self.only
    }
}

/// Takes tokens out, and counts.
struct Door<'a> {
    tokens: &'a [AcceptedToken],
    accepted: usize,
    refused: usize,
    last: Option<[u8; 32]>,
    presented: Redactor,
}

impl Door<'_> {
    /// The last word of each header `name` is a token.
    fn check_headers(&mut self, name: &str, headers: &mut [(String, String)]) {
        for (_, value) in headers.iter_mut().filter(|(header, _)| header.eq_ignore_ascii_case(name)) {
            let given = value.trim_end();
            let token = given.rsplit(char::is_whitespace).next().unwrap_or(given);
            let (before, placeholder) = (given.len() - token.len(), self.placeholder(token));
            value.truncate(before);
            value.push_str(placeholder);
        }
    }

    /// Each parameter `name` of `url` is a token.
    fn checked_query(&mut self, name: &str, url: &str) -> String {
        let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
        let mut parts = form_urlencoded::Serializer::new(String::new());
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = if key == name { self.placeholder(&value).into() } else { value };
            parts.append_pair(&key, &value);
        }
        format!("{address}?{}", parts.finish())
    }

    /// What goes on in place of `token`.
    fn placeholder(&mut self, presented: &str) -> &'static str {
        let token = token::matching(self.tokens, presented.as_bytes());
        // What is empty is no token, whatever digest somebody stored.
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
