//! Forgetting: accepted at once, effective later, proven by lists of hashes.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::forgetting::{HashList, hash, list_of};
use super::identifiers::{check_email, check_user_id};
use super::memory::{Project, ProjectType};
use super::people::{Identifier, Profile};
use crate::clock::later;
use crate::refusal::Refusal;
use crate::switches::{ForgetAgain, ForgetDelay, ForgetReach, ForgetUnknown};

impl Project {
    /// Returns the single identifier for forget and unforget, according to the project's type.
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

    /// Accepts an erasure. It takes effect later; until then, repeating it is a success.
    pub fn forget(&mut self, id: &Identifier) -> Result<(), Refusal> {
        if self.is_forgotten(id) {
            return match self.switches.forget_again {
                ForgetAgain::Accepted => Ok(()),
                ForgetAgain::Refused => Err(Refusal::Forgotten),
            };
        }
        // A person whom the lagging index does not show yet counts as unknown.
        let shown = self.people.seen(id, self.view_of(id)).cloned();
        if shown.is_none() && self.switches.forget_unknown == ForgetUnknown::Refused {
            return Err(Refusal::BadParams("User does not exist".to_owned()));
        }
        let due = later(self.now, self.forget_delay());
        let whole = self.switches.forget_reach == ForgetReach::Whole;
        let others = shown.iter().filter(|_| whole).flat_map(Profile::identifiers);
        // An identifier that several people may share is not blocked.
        let others: Vec<_> = others.filter(|id| self.identifies(id)).collect();
        for id in std::iter::once(id.clone()).chain(others) {
            // A repeat does not postpone the effect.
            if !self.forgetting.pending.iter().any(|(_, pending)| *pending == id) {
                self.forgetting.pending.push((due, id));
            }
        }
        self.forget_what_is_due();
        Ok(())
    }

    /// Lifts the block. Erased data is not restored.
    pub fn unforget(&mut self, id: &Identifier) {
        self.forgetting.pending.retain(|(_, pending)| pending != id);
        let hash = hash(id, self.switches.user_id_hash);
        self.forgetting.of(list_of(id)).remove(&hash);
    }

    /// Returns whether writes about this person are now refused.
    pub fn is_forgotten(&self, id: &Identifier) -> bool {
        let hash = hash(id, self.switches.user_id_hash);
        self.forgetting.holds(list_of(id), &hash)
    }

    /// Adds `count` forgotten people, starting with `person-0@example.com` (or `person-0` in a userID-based project).
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

    /// Returns the answer with all hashes of a list, or a refusal if this type of project does not have the list.
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
            // Dated when it fell due, not when it is processed: reads lag behind the due time.
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
