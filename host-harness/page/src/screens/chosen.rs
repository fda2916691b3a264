//! Which requests a user looks at or acts on: those that match a filter, or those that were selected.

use host_api::{page::ApiClient, types::requests::RequestPage};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use crate::{answers::Failed, user::User};

/// How many selected requests a question names.
const NAMED: usize = 8;

/// The filter, as the form sends it: an empty text is no filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) state: String,
    pub(super) connection: String,
    pub(super) tenant: String,
    pub(super) action: String,
    pub(super) waits_for: String,
    /// `true` if only requests are shown of whose month less than a quarter is left.
    pub(super) late: String,
    pub(super) before: String,
}

impl Filter {
    pub(super) fn in_state(state: &str) -> Self {
        Self { state: state.to_owned(), ..Self::default() }
    }

    pub(super) fn late() -> Self {
        Self { late: "true".to_owned(), ..Self::default() }
    }

    /// Returns whether it selects only requests that ended without being carried out.
    pub(super) fn is_about_ended(&self) -> bool {
        matches!(&*self.state, "failed" | "expired")
    }

    /// Returns the names and values of what it filters by.
    pub(super) fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("state", &*self.state),
            ("connection", &*self.connection),
            ("tenant", &*self.tenant),
            ("action", &*self.action),
            ("waits_for", &*self.waits_for),
            ("late", &*self.late),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Returns the query of the requests before the one with the id `before`, or of the newest if it is empty.
    pub(super) fn query(&self, before: &str) -> Serializer<'static, String> {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.pairs());
        if !before.is_empty() {
            query.append_pair("before", before);
        }
        query
    }

    /// Returns the address of the list from the request with the id `before` on.
    pub(super) fn address(&self, before: &str) -> String {
        format!("/requests?{}", self.query(before).finish())
    }

    /// Returns the address of the question before an act on all that match.
    pub(super) fn act_address(&self) -> String {
        format!("/bulk-acts/new?{}", self.query("").finish())
    }

    fn described(&self) -> String {
        let words = self.pairs().into_iter().map(|(name, value)| match name {
            "late" => "less than a quarter of the month left".to_owned(),
            name => format!("{} {}", name.replace('_', " "), value.replace('_', " ")),
        });
        let words: Vec<_> = words.collect();
        if words.is_empty() {
            return "They are all requests.".to_owned();
        }
        format!("They are all requests with: {}.", words.join(", "))
    }

    fn document(&self) -> Value {
        let value = |(name, value): (&str, &str)| {
            let value = if name == "late" { json!(value == "true") } else { json!(value) };
            (name.to_owned(), value)
        };
        Value::Object(self.pairs().into_iter().map(value).collect::<Map<_, _>>())
    }
}

/// The requests that a user chose.
pub(super) struct Chosen {
    /// Those that were selected. If it is empty, all that match the filter are meant.
    pub(super) ids: Vec<String>,
    pub(super) filter: Filter,
}

impl Chosen {
    /// Reads the pairs that a form sent.
    pub(super) fn of(pairs: &[(String, String)]) -> Self {
        let value = |key: &str| {
            let found = pairs.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let filter = Filter {
            state: value("state"),
            connection: value("connection"),
            tenant: value("tenant"),
            action: value("action"),
            waits_for: value("waits_for"),
            late: value("late"),
            before: value("before"),
        };
        let ids = pairs.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.clone());
        Self { ids: ids.collect(), filter }
    }

    /// Returns how many there are; 0 if there are too many for one act.
    pub(super) async fn number(&self, api: &ApiClient, user: &User) -> Result<i64, Failed> {
        if !self.ids.is_empty() {
            return Ok(i64::try_from(self.ids.len()).unwrap_or_default());
        }
        let query = self.filter.query("").append_pair("limit", "1").finish();
        let path = format!("/api/v1/requests?{query}");
        let page: RequestPage = api.call(&user.caller, Method::GET, &path, None).await?;
        Ok(if page.count_is_exact { page.count } else { 0 })
    }

    /// Returns a sentence that says which.
    pub(super) fn described(&self) -> String {
        if self.ids.is_empty() {
            return self.filter.described();
        }
        let short = |id: &String| id.rsplit('-').next().unwrap_or_default().to_owned();
        let mut named: Vec<String> = self.ids.iter().take(NAMED).map(short).collect();
        if self.ids.len() > NAMED {
            named.push(format!("{} more", self.ids.len() - NAMED));
        }
        format!("They are the ones that you selected: {}.", named.join(", "))
    }

    /// Returns what a form keeps, to choose the same again, of which there have to be `number`.
    pub(super) fn kept(&self, number: i64) -> Vec<(String, String)> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let ids = self.ids.iter().map(|id| ("id".to_owned(), id.clone()));
        let filter = self.filter.pairs().into_iter().map(owned);
        filter.chain(ids).chain([("expected".to_owned(), number.to_string())]).collect()
    }

    /// Returns the act that puts them back in the queue, as the API reads it.
    pub(super) fn replay(&self, expected: i64) -> Value {
        if self.ids.is_empty() {
            return json!({"act": "replay", "filter": self.filter.document(), "expected": expected});
        }
        json!({"act": "replay", "ids": self.ids, "expected": expected})
    }

    /// Returns the address of the list that they were chosen from.
    pub(super) fn back(&self) -> String {
        self.filter.address(&self.filter.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> Chosen {
        let owned: Vec<_> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Chosen::of(&owned)
    }

    #[test]
    fn what_a_form_keeps_chooses_the_same_again() {
        for pairs in [
            &[("state", "failed"), ("connection", "a&b"), ("late", "true")][..],
            &[("state", "failed"), ("id", "r-1"), ("id", "r-2")],
            &[],
        ] {
            let first = chosen(pairs);
            let again = Chosen::of(&first.kept(2));
            assert_eq!((&again.ids, &again.filter), (&first.ids, &first.filter));
            assert_eq!(again.replay(2), first.replay(2));
        }
    }

    #[test]
    fn an_act_names_what_was_selected_or_else_the_filter() {
        let matching = chosen(&[("state", "failed"), ("late", "true"), ("tenant", "")]);
        let filter = json!({"state": "failed", "late": true});
        assert_eq!(matching.replay(3), json!({"act": "replay", "filter": filter, "expected": 3}));
        assert_eq!(
            matching.described(),
            "They are all requests with: state failed, less than a quarter of the month left."
        );
        let ids: Vec<String> = (0..10).map(|at| format!("01a2-{at}")).collect();
        let pairs: Vec<_> = ids.iter().map(|id| ("id", id.as_str())).collect();
        let selected = chosen(&pairs);
        assert_eq!(selected.replay(10), json!({"act": "replay", "ids": ids, "expected": 10}));
        assert_eq!(
            selected.described(),
            "They are the ones that you selected: 0, 1, 2, 3, 4, 5, 6, 7, 2 more."
        );
    }
}
