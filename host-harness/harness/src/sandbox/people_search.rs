//! Finds out which people of a call a request names, for the call's record.

use std::{collections::BTreeSet, sync::OnceLock};

use host_model::contract::{Subject, http::Request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::call_subject::CallSubject;

/// Maximum size of a request times the number of texts to search for: about 10 ms. In a larger request, none is found.
const MAX_WORK: usize = 16 << 20;

/// Searches requests for the identifiers of a call's people and for the references of their erasures.
pub(crate) struct PeopleSearch {
    /// For each person, in order.
    texts: Vec<Vec<String>>,
    /// What is searched for: `texts` in lower case in each encoding. Prepared for the first request.
    forms: OnceLock<Vec<BTreeSet<String>>>,
}

impl PeopleSearch {
    /// Creates the search for the people that the call is about.
    pub(crate) fn new(about: &CallSubject) -> Self {
        let identifiers =
            |person: &Subject| person.identifiers().iter().map(|of| of.value.clone()).collect::<Vec<_>>();
        let texts = match about {
            CallSubject::Nobody | CallSubject::Delivery(_) => Vec::new(),
            CallSubject::People(people) => people.iter().map(identifiers).collect(),
            CallSubject::Erasures(erasures) => erasures
                .iter()
                .map(|erasure| {
                    let mut texts = identifiers(&erasure.subject);
                    texts.extend(erasure.reference.clone());
                    texts
                })
                .collect(),
        };
        Self { texts, forms: OnceLock::new() }
    }

    /// Returns the positions of the people whom `request` names: verbatim, percent-encoded or as in JSON, as whole words,
    /// in any ASCII case.
    pub(crate) fn named_in(&self, request: &Request) -> Vec<usize> {
        if self.texts.is_empty() {
            return Vec::new();
        }
        let forms = self.forms.get_or_init(|| self.texts.iter().map(|texts| forms(texts)).collect());
        let work = forms.iter().map(BTreeSet::len).sum::<usize>().saturating_mul(size(request));
        if work > MAX_WORK {
            return Vec::new();
        }
        let sent = searchable(request);
        let named = |forms: &BTreeSet<String>| forms.iter().any(|form| has_word(&sent, form));
        forms.iter().enumerate().filter(|(_, forms)| named(forms)).map(|(person, _)| person).collect()
    }
}

fn size(request: &Request) -> usize {
    let pairs = request.values.iter().chain(&request.query);
    pairs.map(|(_, value)| value.len() + 1).sum::<usize>() + request.body.as_ref().map_or(0, Vec::len)
}

/// Returns everything in `request` that can name a person, in lower case, as lines.
fn searchable(request: &Request) -> String {
    let pairs = request.values.iter().chain(&request.query);
    let mut text: String = pairs.flat_map(|(_, value)| [value.as_str(), "\n"]).collect();
    text.push_str(&String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()));
    text.make_ascii_lowercase();
    text
}

fn forms(texts: &[String]) -> BTreeSet<String> {
    let in_json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
    };
    let trimmed = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    trimmed
        .flat_map(|text| {
            [text.to_owned(), utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(), in_json(text)]
        })
        .map(|form| form.to_ascii_lowercase())
        .collect()
}

/// Returns whether `text` contains `word` between characters that are neither letters nor digits.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use host_model::contract::erasure::PendingErasure;

    use super::*;

    fn value(value: &str) -> Request {
        Request { values: vec![("id".to_owned(), value.to_owned())], ..Request::default() }
    }

    fn body(text: &str) -> Request {
        Request { body: Some(text.as_bytes().to_vec()), ..Request::default() }
    }

    #[test]
    fn a_person_is_found_in_every_part_and_encoding_of_a_request() {
        let people = vec![Subject::email("ada@example.com"), Subject::default().and("user-id", "ü-17")];
        let search = PeopleSearch::new(&CallSubject::People(people));
        for (request, named) in [
            (value("Ada@Example.com"), vec![0]),
            (
                Request { query: vec![("q".into(), "email:ada@example.com".into())], ..Request::default() },
                vec![0],
            ),
            (body("email=ada%40example%2Ecom&x=1"), vec![0]),
            (body(r#"{"users":["ada@example.com","ü-17"]}"#), vec![0, 1]),
            (body("canada@example.com"), vec![]),
            (body("ada@example.community"), vec![]),
            (value("u-17"), vec![]),
            (Request::default(), vec![]),
        ] {
            assert_eq!(search.named_in(&request), named, "{:?}", request.body);
        }
    }

    #[test]
    fn an_erasure_is_found_by_its_reference() {
        let erasure = |reference: &str| PendingErasure {
            subject: Subject::email("ada@example.com"),
            reference: Some(reference.to_owned()),
        };
        let search = PeopleSearch::new(&CallSubject::Erasures(vec![erasure("job \"1\""), erasure("job 2")]));
        assert_eq!(search.named_in(&body(r#"{"job":"job \"1\""}"#)), [0]);
        assert_eq!(search.named_in(&value("job 2")), [1]);
        assert_eq!(search.named_in(&value("ada@example.com")), [0, 1]);
    }

    #[test]
    fn a_request_that_is_too_large_to_search_names_no_person() {
        let people = vec![Subject::email("ada@example.com"); 100];
        let search = PeopleSearch::new(&CallSubject::People(people));
        let large = format!("{}ada@example.com", " ".repeat(MAX_WORK / 100));
        assert_eq!(search.named_in(&body(&large)), Vec::<usize>::new());
        assert_eq!(search.named_in(&body("ada@example.com")).len(), 100);
    }
}
