//! Masking of a guest's prose when it leaves a call: the connection's secrets, and anything that identifies the person
//! that the call is about. A vendor's error may repeat them, and the connector may repeat the error.

mod names;

use std::{
    borrow::Cow,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use super::call_subject::CallSubject;
use crate::connection::Redactor;
use host_model::contract::Subject;
use names::Names;

/// The replacement for every text of a call with too many identifiers to search for.
const WITHHELD: &str = "[redacted: too many identifiers in this call]";

/// Masks the texts of one call.
pub(crate) struct Masks {
    secrets: Redactor,
    about: CallSubject,
    /// Built for the first prose, since most successful calls have none. `None` if there are too many identifiers to
    /// search for.
    all: OnceLock<Option<Redactor>>,
    /// The number of texts in which something was masked.
    masked: AtomicU32,
}

impl Masks {
    /// Creates the masks for a call with these secrets that is about these people.
    pub(crate) fn new(secrets: Redactor, about: CallSubject) -> Self {
        Self { secrets, about, all: OnceLock::new(), masked: AtomicU32::new(0) }
    }

    /// Masks secrets and identifiers in `text`.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.is_empty() {
            return Cow::Borrowed(text);
        }
        match self.all.get_or_init(|| self.build()) {
            Some(all) => self.counted(all.text(text)),
            None => Cow::Borrowed(WITHHELD),
        }
    }

    /// Returns the number of texts in which something was masked.
    pub(crate) fn masked(&self) -> u32 {
        self.masked.load(Relaxed)
    }

    fn counted<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        if matches!(text, Cow::Owned(_)) {
            self.masked.fetch_add(1, Relaxed);
        }
        text
    }

    /// Masks secrets and identifiers in `word`, which is about `subject`. A word of only letters, such as `EmailLink`,
    /// is compared only with the subject's identifiers, so that a delivery that was read successfully is not parsed
    /// again.
    pub(crate) fn word<'a>(&self, word: &'a str, subject: &Subject) -> Cow<'a, str> {
        if !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return self.text(word);
        }
        let lower = word.to_ascii_lowercase();
        let names_subject = subject.identifiers().iter().any(|identifier| {
            let name = identifier.value.trim().to_ascii_lowercase();
            !name.is_empty() && lower.contains(&name)
        });
        if names_subject { self.text(word) } else { self.counted(self.secrets.text(word)) }
    }

    fn build(&self) -> Option<Redactor> {
        let names = Names::of(&self.about)?;
        let build = || self.secrets.and(&Redactor::of_names(names.iter()));
        Some(if names.take_long() { off_the_runtime(build) } else { build() })
    }
}

/// Runs `work` such that no other task waits for this thread.
fn off_the_runtime<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::connection::AUTOMATA_BUILT;
    use host_model::contract::{Identifier, MAX_IDENTIFIER_CHARS, MAX_IDENTIFIERS, webhook::Delivery};

    fn delivery(url: &str, body: &str) -> CallSubject {
        CallSubject::Delivery(Arc::new(Delivery {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            received_at_ms: 0,
        }))
    }

    #[test]
    fn people_in_an_unread_delivery_are_masked_and_its_event_name_stays() {
        let body = r#"{"eventName":"emailGlow","userId":"lovelace","dataFields":{"email":"Ada@example.com","phones":["+491701234567"]}}"#;
        let why = "`emailGlow` of lovelace (ada@example.com, +491701234567, k@example.com) is not known";
        let about = delivery("https://h.example.com/hook?who=k%40example.com", body);
        let shown = Masks::new(Redactor::default(), about).text(why).into_owned();
        assert_eq!(shown, "`emailGlow` of [redacted] ([redacted], [redacted], [redacted]) is not known");
    }

    #[test]
    fn people_in_a_form_or_a_broken_document_are_masked() {
        for body in ["event=gone&email=ada%40example.com", r#"{"email":"ada@example.com","#] {
            let masks = Masks::new(Redactor::default(), delivery("https://h.example.com/", body));
            assert_eq!(masks.text("no ADA@example.com"), "no [redacted]", "{body}");
        }
    }

    #[test]
    fn what_names_more_than_is_searched_for_has_all_its_prose_withheld_and_no_search_is_built() {
        let long = "1".repeat(513);
        let many: Vec<_> = (0..3_000).map(|number| format!("u-{number:06}")).collect();
        let fields: Vec<_> = (0..40).map(|number| format!("{number:0500}")).collect();
        for body in [
            format!(r#"{{"userId":"{long}"}}"#),
            format!("user={long}"),
            format!(r#"{{"users":{}}}"#, serde_json::to_string(&many).unwrap()),
            format!(r#"{{"users":{}}}"#, serde_json::to_string(&fields).unwrap()),
        ] {
            let before = AUTOMATA_BUILT.get();
            let masks = Masks::new(Redactor::default(), delivery("https://h.example.com/", &body));
            assert_eq!(masks.text("u-000001 is not known"), WITHHELD, "{} bytes", body.len());
            assert_eq!(AUTOMATA_BUILT.get() - before, 0);
        }
        let person = Subject::default().and("email", "a".repeat(10_000));
        let masks = Masks::new(Redactor::default(), CallSubject::People(vec![person]));
        assert_eq!(masks.text("ada"), WITHHELD);
    }

    #[test]
    fn a_person_at_every_bound_is_still_searched_for() {
        let name = |number: usize| format!("{number:0>MAX_IDENTIFIER_CHARS$}");
        let identifiers = (0..MAX_IDENTIFIERS).map(|number| Identifier::new("user-id", name(number)));
        let person = Subject::from(identifiers.collect::<Vec<_>>());
        let masks = Masks::new(Redactor::default(), CallSubject::People(vec![person]));
        assert_eq!(masks.text(&format!("no {}!", name(31))), "no [redacted]!");
    }

    #[test]
    fn no_search_is_built_without_prose() {
        let before = AUTOMATA_BUILT.get();
        let body = r#"{"email":"ada@example.com","userId":"lovelace","unsubSource":"EmailLink"}"#;
        let masks = Masks::new(Redactor::default(), delivery("https://h.example.com/", body));
        let ada = Subject::email("ada@example.com").and("user-id", "lovelace");
        assert_eq!(masks.text(""), "");
        assert_eq!(masks.word("EmailLink", &ada), "EmailLink");
        assert_eq!(AUTOMATA_BUILT.get() - before, 0);
        // One for long identifiers, one for short ones.
        assert_eq!(masks.text("a reason"), "a reason");
        assert_eq!(AUTOMATA_BUILT.get() - before, 1);
    }

    #[test]
    fn a_word_that_names_the_person_is_masked() {
        let ada = Subject::email("ada@example.com").and("user-id", "lovelace");
        let masks = Masks::new(Redactor::default(), CallSubject::People(vec![ada.clone()]));
        for (word, shown) in [
            ("Lovelace", "[redacted]"),
            ("byADA@example.com", "by[redacted]"),
            ("Complaint", "Complaint"),
            ("", ""),
        ] {
            assert_eq!(masks.word(word, &ada), shown);
        }
    }
}
