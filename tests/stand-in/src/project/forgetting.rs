//! Forgotten people, kept as lists of hashes.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::people::Identifier;
use crate::switches::{HashEncoding, UserIdHash};

/// The people who are forgotten, and those who are about to be.
#[derive(Debug)]
pub(crate) struct Forgetting {
    emails: Hashes,
    user_ids: Hashes,
    pub(super) pending: Vec<(Timestamp, Identifier)>,
}

/// One of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashList {
    Emails,
    UserIds,
}

/// A list of hashes with a cached answer: the real list may contain hundreds of thousands.
#[derive(Debug)]
pub(super) struct Hashes {
    field: &'static str,
    encoding: HashEncoding,
    list: Vec<[u8; 32]>,
    known: HashSet<[u8; 32]>,
    answer: Option<Bytes>,
}

impl Forgetting {
    pub(crate) fn new(encoding: HashEncoding) -> Self {
        let hashes =
            |field| Hashes { field, encoding, list: Vec::new(), known: HashSet::new(), answer: None };
        Self { emails: hashes("hashedEmails"), user_ids: hashes("hashedUserIds"), pending: Vec::new() }
    }

    pub(super) fn of(&mut self, list: HashList) -> &mut Hashes {
        match list {
            HashList::Emails => &mut self.emails,
            HashList::UserIds => &mut self.user_ids,
        }
    }

    pub(super) fn holds(&self, list: HashList, hash: &[u8; 32]) -> bool {
        match list {
            HashList::Emails => self.emails.known.contains(hash),
            HashList::UserIds => self.user_ids.known.contains(hash),
        }
    }
}

impl Hashes {
    pub(super) fn add(&mut self, hash: [u8; 32]) {
        if self.known.insert(hash) {
            self.list.push(hash);
            self.answer = None;
        }
    }

    pub(super) fn remove(&mut self, hash: &[u8; 32]) {
        if self.known.remove(hash) {
            self.list.retain(|other| other != hash);
            self.answer = None;
        }
    }

    pub(super) fn answer(&mut self) -> Bytes {
        let (field, encoding, list) = (self.field, self.encoding, &self.list);
        self.answer.get_or_insert_with(|| Bytes::from(render(field, encoding, list))).clone()
    }
}

fn render(field: &str, encoding: HashEncoding, list: &[[u8; 32]]) -> String {
    let mut text = String::with_capacity(list.len() * 67 + 32);
    text.push_str("{\"");
    text.push_str(field);
    text.push_str("\":[");
    for (index, hash) in list.iter().enumerate() {
        text.push_str(if index == 0 { "\"" } else { ",\"" });
        match encoding {
            HashEncoding::Hex => text.push_str(&hex::encode(hash)),
            HashEncoding::Base64 => STANDARD.encode_string(hash, &mut text),
        }
        text.push('"');
    }
    text.push_str("]}");
    text
}

/// Returns the hash that the lists contain for an identifier.
pub(super) fn hash(id: &Identifier, user_id_hash: UserIdHash) -> [u8; 32] {
    let text = match (id, user_id_hash) {
        (Identifier::Email(text), _) | (Identifier::UserId(text), UserIdHash::LowerCase) => {
            text.trim().to_lowercase()
        }
        (Identifier::UserId(text), UserIdHash::AsIs) => text.clone(),
    };
    Sha256::digest(text).into()
}

/// Returns the list that an identifier belongs to.
pub(super) fn list_of(id: &Identifier) -> HashList {
    match id {
        Identifier::Email(_) => HashList::Emails,
        Identifier::UserId(_) => HashList::UserIds,
    }
}
