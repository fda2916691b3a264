//! Forgetting: accepted at once, in effect later, proven by lists of hashes.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Identifier, Project, ProjectType, check_email, check_user_id};
use crate::clock::later;
use crate::refusal::Refusal;
use crate::switches::{ForgetAgain, ForgetDelay, ForgetReach, ForgetUnknown, HashEncoding, UserIdHash};

/// Who is forgotten, and who will be.
#[derive(Debug)]
pub(crate) struct Forgetting {
    emails: Hashes,
    user_ids: Hashes,
    pending: Vec<(Timestamp, Identifier)>,
}

/// Which of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashList {
    Emails,
    UserIds,
}

/// A list of hashes with its answer kept ready: the real one may hold hundreds of thousands.
#[derive(Debug)]
struct Hashes {
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

    fn of(&mut self, list: HashList) -> &mut Hashes {
        match list {
            HashList::Emails => &mut self.emails,
            HashList::UserIds => &mut self.user_ids,
        }
    }
}

impl Hashes {
    fn add(&mut self, hash: [u8; 32]) {
        if self.known.insert(hash) {
            self.list.push(hash);
            self.answer = None;
        }
    }

    fn remove(&mut self, hash: &[u8; 32]) {
        if self.known.remove(hash) {
            self.list.retain(|other| other != hash);
            self.answer = None;
        }
    }

    fn answer(&mut self) -> Bytes {
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

fn hash(id: &Identifier, user_id_hash: UserIdHash) -> [u8; 32] {
    let text = match (id, user_id_hash) {
        (Identifier::Email(text), _) | (Identifier::UserId(text), UserIdHash::LowerCase) => {
            text.trim().to_lowercase()
        }
        (Identifier::UserId(text), UserIdHash::AsIs) => text.clone(),
    };
    Sha256::digest(text).into()
}

impl Project {
    /// The one identifier that forget and unforget take, by the kind of the project.
    pub(crate) fn one_identifier(
        &self,
        email: Option<&str>,
        user_id: Option<&str>,
    ) -> Result<Identifier, Refusal> {
        let missing = || Refusal::BadParams("Either email or userId must be set: {}".to_owned());
        let wrong = |wanted: &str| Refusal::BadParams(format!("This project identifies users by {wanted}"));
        match (self.kind, email, user_id) {
            (_, None, None) => Err(missing()),
            (_, Some(_), Some(_)) => {
                Err(Refusal::BadParams("Set either email or userId, not both".to_owned()))
            }
            (ProjectType::UserId, Some(_), None) => Err(wrong("userId")),
            (ProjectType::Email, None, Some(_)) => Err(wrong("email")),
            (_, Some(email), None) => check_email(email).map(|()| Identifier::email(email)),
            (_, None, Some(id)) => check_user_id(id).map(|()| Identifier::user_id(id)),
        }
    }

    /// Takes an erasure in. It comes into effect later; until then repeating it is a success.
    pub fn forget(&mut self, id: &Identifier) -> Result<(), Refusal> {
        if self.is_forgotten(id) {
            return match self.switches.forget_again {
                ForgetAgain::Accepted => Ok(()),
                ForgetAgain::Refused => Err(Refusal::Forgotten),
            };
        }
        // An index that lags does not know whom it does not show.
        let shown = self.people.seen(id, self.view_of(id)).cloned();
        if shown.is_none() && self.switches.forget_unknown == ForgetUnknown::Refused {
            return Err(Refusal::BadParams("User does not exist".to_owned()));
        }
        let due = later(self.now, self.forget_delay());
        let whole = self.switches.forget_reach == ForgetReach::Whole;
        let others = shown.iter().filter(|_| whole).flat_map(super::Profile::identifiers);
        // What several people may share is nobody's to block.
        let others: Vec<_> = others.filter(|id| self.identifies(id)).collect();
        for id in std::iter::once(id.clone()).chain(others) {
            // A repeat does not put the effect off.
            if !self.forgetting.pending.iter().any(|(_, pending)| *pending == id) {
                self.forgetting.pending.push((due, id));
            }
        }
        self.forget_what_is_due();
        Ok(())
    }

    /// Lifts the block. What was forgotten stays gone.
    pub fn unforget(&mut self, id: &Identifier) {
        self.forgetting.pending.retain(|(_, pending)| pending != id);
        let hash = hash(id, self.switches.user_id_hash);
        self.forgetting.of(list_of(id)).remove(&hash);
    }

    /// Whether writes about this person are refused by now.
    pub fn is_forgotten(&self, id: &Identifier) -> bool {
        let hash = hash(id, self.switches.user_id_hash);
        match list_of(id) {
            HashList::Emails => self.forgetting.emails.known.contains(&hash),
            HashList::UserIds => self.forgetting.user_ids.known.contains(&hash),
        }
    }

    /// Adds `count` forgotten people, `person-0@example.com` and on (or `person-0`, where the project has no addresses).
    pub fn seed_forgotten(&mut self, count: usize) {
        for number in 0..count {
            let id = match self.kind {
                ProjectType::UserId => Identifier::user_id(format!("person-{number}")),
                ProjectType::Email | ProjectType::Hybrid => {
                    Identifier::email(format!("person-{number}@example.com"))
                }
            };
            let hash = hash(&id, self.switches.user_id_hash);
            self.forgetting.of(list_of(&id)).add(hash);
        }
    }

    /// The answer with all hashes of a list, where the kind of the project has it.
    pub(crate) fn forgotten(&mut self, list: HashList) -> Result<Bytes, Refusal> {
        match (self.kind, list) {
            (ProjectType::UserId, HashList::Emails) | (ProjectType::Email, HashList::UserIds) => {
                Err(Refusal::BadParams("Not available for this project type".to_owned()))
            }
            _ => Ok(self.forgetting.of(list).answer()),
        }
    }

    pub(super) fn forget_what_is_due(&mut self) {
        let now = self.now;
        for (due, id) in self.forgetting.pending.extract_if(.., |(due, _)| *due <= now).collect::<Vec<_>>() {
            // When it fell due, not when somebody looked: reads lag behind the one and not the other.
            self.erase_all(&self.people.find_all(&id, Timestamp::MAX), due);
            let hash = hash(&id, self.switches.user_id_hash);
            self.forgetting.of(list_of(&id)).add(hash);
        }
    }

    fn forget_delay(&self) -> SignedDuration {
        SignedDuration::from_secs(match self.switches.forget_delay {
            ForgetDelay::None => 0,
            ForgetDelay::OneMinute => 60,
            ForgetDelay::TenMinutes => 600,
        })
    }
}

fn list_of(id: &Identifier) -> HashList {
    match id {
        Identifier::Email(_) => HashList::Emails,
        Identifier::UserId(_) => HashList::UserIds,
    }
}
