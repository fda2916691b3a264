//! The vendor's tree as a form: an item is a node with a notice to choose, and the items below it.

use std::collections::BTreeMap;

use askama::Template;
use host_api::types::{mapping::ConsentableItem, problem::FieldError};
use host_model::consent::mapping::kind;

/// What is chosen for an item.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ItemChoice {
    NoNotice,
    /// The notice with this id.
    Notice(String),
    /// The item is left out, and so forgotten.
    Forget,
}

/// As the form sends it.
impl From<&str> for ItemChoice {
    fn from(value: &str) -> Self {
        match value.split_once(':') {
            Some(("notice", id)) => Self::Notice(id.to_owned()),
            _ if value == "forget" => Self::Forget,
            _ => Self::NoNotice,
        }
    }
}

impl std::fmt::Display for ItemChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoNotice => Ok(()),
            Self::Notice(id) => write!(f, "notice:{id}"),
            Self::Forget => f.write_str("forget"),
        }
    }
}

impl ItemChoice {
    /// What is saved for `item`.
    fn saved(item: &ConsentableItem) -> Self {
        item.notice_id.clone().map_or(Self::NoNotice, Self::Notice)
    }

    fn notice(self) -> Option<String> {
        match self {
            Self::Notice(id) => Some(id),
            Self::NoNotice | Self::Forget => None,
        }
    }
}

/// A notice that can be chosen, or why it cannot.
pub(super) struct NoticeOption {
    pub(super) id: String,
    pub(super) name: String,
    /// Why its choices do not reach the connection.
    pub(super) unusable: Option<String>,
}

/// What a form chose, by the kind and id of the item.
pub(super) struct Assigned(BTreeMap<String, ItemChoice>);

impl Assigned {
    /// Reads what the form sent: an `item`, followed by its `notice`.
    pub(super) fn read(entries: &[(String, String)]) -> Self {
        let pairs = entries.windows(2).filter_map(|pair| match pair {
            [(item, id), (notice, chosen)] if item == "item" && notice == "notice" => {
                Some((id.clone(), ItemChoice::from(chosen.as_str())))
            }
            _ => None,
        });
        Self(pairs.collect())
    }

    /// Returns what was chosen for `item`, or what is saved if the form did not show it.
    fn of(&self, item: &ConsentableItem) -> ItemChoice {
        self.0.get(&name(item)).cloned().unwrap_or_else(|| ItemChoice::saved(item))
    }
}

/// The item's kind and id, which together are unique.
fn name(item: &ConsentableItem) -> String {
    format!("{}:{}", item.kind, item.external_id)
}

/// Returns the tree with what a form chose.
pub(super) fn assign(items: &[ConsentableItem], assigned: &Assigned) -> Vec<ConsentableItem> {
    let kept = items.iter().filter(|item| assigned.of(item) != ItemChoice::Forget);
    let with_notice = |item: &ConsentableItem| ConsentableItem {
        notice_id: assigned.of(item).notice(),
        children: assign(&item.children, assigned),
        ..item.clone()
    };
    kept.map(with_notice).collect()
}

/// What a tree is shown with.
pub(super) struct TreeContext<'a> {
    pub(super) options: &'a [NoticeOption],
    /// What was chosen in the form; `None` shows what is saved.
    pub(super) assigned: Option<&'a Assigned>,
    /// What is wrong, by the place in the tree that was sent.
    pub(super) errors: &'a [FieldError],
}

impl TreeContext<'_> {
    fn chosen(&self, item: &ConsentableItem) -> ItemChoice {
        self.assigned.map_or_else(|| ItemChoice::saved(item), |assigned| assigned.of(item))
    }
}

/// An item on the screen.
#[derive(Template)]
#[template(path = "mapping_item.html")]
pub(super) struct ItemNode {
    /// Distinguishes it on the screen.
    number: usize,
    /// Its kind and id, as the form sends them.
    item: String,
    kind: String,
    id: String,
    name: String,
    marks: Vec<Mark>,
    choices: Vec<ItemNoticeChoice>,
    error: Option<String>,
    children: Vec<Self>,
}

/// What has become of an item.
struct Mark {
    word: &'static str,
    tone: &'static str,
    /// What it means, if the word does not say it.
    detail: Option<String>,
}

/// A notice to choose for an item.
struct ItemNoticeChoice {
    value: String,
    label: String,
    is_chosen: bool,
    is_unusable: bool,
}

impl ItemNode {
    /// Returns the numbers, names and errors of the items that are wrong.
    pub(super) fn wrong(&self) -> Vec<(usize, String, String)> {
        let own = self.error.clone().map(|error| (self.number, self.name.clone(), error));
        own.into_iter().chain(self.children.iter().flat_map(Self::wrong)).collect()
    }
}

/// Returns the nodes of a tree.
pub(super) fn item_nodes(items: &[ConsentableItem], context: &TreeContext<'_>) -> Vec<ItemNode> {
    TreeBuilder { context, count: 0 }.nodes(items, "")
}

struct TreeBuilder<'a> {
    context: &'a TreeContext<'a>,
    count: usize,
}

impl TreeBuilder<'_> {
    /// Returns the nodes of `items`, whose place in the tree begins with `above`.
    fn nodes(&mut self, items: &[ConsentableItem], above: &str) -> Vec<ItemNode> {
        // An item that is forgotten is not sent, so that the ones after it have other places.
        let mut sent = 0;
        let mut nodes = Vec::new();
        for item in items {
            nodes.push(self.node(item, &format!("{above}[{sent}]")));
            sent += usize::from(self.context.chosen(item) != ItemChoice::Forget);
        }
        nodes
    }

    fn node(&mut self, item: &ConsentableItem, place: &str) -> ItemNode {
        self.count += 1;
        let number = self.count;
        let TreeContext { options, errors, .. } = self.context;
        let chosen = self.context.chosen(item);
        // What is forgotten has no place in what is sent.
        let error = errors.iter().find(|error| error.field == place && chosen != ItemChoice::Forget);
        ItemNode {
            number,
            item: name(item),
            kind: kind::spelled(&item.kind),
            id: item.external_id.clone(),
            name: item.name.clone(),
            marks: marks(item),
            choices: choices(options, item, &chosen),
            error: error.map(|error| error.message.clone()),
            children: self.nodes(&item.children, &format!("{place}.children")),
        }
    }
}

fn choices(options: &[NoticeOption], item: &ConsentableItem, chosen: &ItemChoice) -> Vec<ItemNoticeChoice> {
    let choice = |what: ItemChoice, label: String| ItemNoticeChoice {
        value: what.to_string(),
        label,
        is_chosen: what == *chosen,
        is_unusable: false,
    };
    let mut choices = vec![choice(ItemChoice::NoNotice, "no notice".to_owned())];
    choices.extend(options.iter().map(|option| {
        let NoticeOption { id, name, unusable } = option;
        let remark = unusable.as_ref().map_or("", |_| ": does not reach this connection");
        let choice = choice(ItemChoice::Notice(id.clone()), format!("{name} ({id}){remark}"));
        // What is chosen is sent, even if it should not have been.
        ItemNoticeChoice { is_unusable: unusable.is_some() && !choice.is_chosen, ..choice }
    }));
    if let ItemChoice::Notice(id) = chosen
        && options.iter().all(|option| option.id != *id)
    {
        choices.push(choice(chosen.clone(), format!("{id}: no such notice")));
    }
    if item.vanished && item.children.is_empty() {
        choices.push(choice(ItemChoice::Forget, "forget this item".to_owned()));
    }
    choices
}

fn marks(item: &ConsentableItem) -> Vec<Mark> {
    let mut marks = Vec::new();
    if item.unmapped {
        marks.push(Mark { word: "New", tone: "open", detail: None });
    }
    if let Some(name) = &item.renamed_from {
        marks.push(Mark { word: "Renamed", tone: "open", detail: Some(format!("It was called {name}.")) });
    }
    if let Some(place) = &item.moved_from {
        marks.push(Mark { word: "Moved", tone: "open", detail: Some(format!("It was under {place}.")) });
    }
    if item.vanished {
        let detail = Some("The vendor no longer lists it.".to_owned());
        marks.push(Mark { word: "Vanished", tone: "bad", detail });
    }
    if let Some(conflict) = &item.conflict {
        marks.push(Mark { word: "Conflict", tone: "bad", detail: Some(conflict.clone()) });
    }
    marks
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    /// Three channels, of which the vendor no longer lists the first; the last has a message type.
    fn tree() -> Vec<ConsentableItem> {
        let item = |id: &str, notice: Option<&str>| json!({"external_id": id, "type": "Channel", "name": id, "notice_id": notice, "children": []});
        let (mut gone, mut last) = (item("1", Some("n-1")), item("3", None));
        gone["vanished"] = json!(true);
        last["children"] =
            json!([{"external_id": "4", "type": "Message type", "name": "4", "notice_id": "n-1"}]);
        from_value(json!([gone, item("2", Some("n-1")), last])).unwrap()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let both = |(item, notice): &(&str, &str)| {
            [("item", *item), ("notice", *notice)].map(|(a, b)| (a.into(), b.into()))
        };
        pairs.iter().flat_map(both).collect()
    }

    #[test]
    fn what_is_forgotten_is_left_out_and_what_the_form_did_not_show_keeps_its_notice() {
        let chosen = Assigned::read(&pairs(&[
            ("channel:1", "forget"),
            ("channel:2", ""),
            ("channel:3", "notice:n:2"),
        ]));
        let assigned = assign(&tree(), &chosen);
        let notices: Vec<_> =
            assigned.iter().map(|item| (&*item.external_id, item.notice_id.as_deref())).collect();
        assert_eq!(notices, [("2", None), ("3", Some("n:2"))]);
        assert_eq!(assigned[1].children[0].notice_id.as_deref(), Some("n-1"));
    }

    #[test]
    fn what_changed_at_the_vendor_and_what_is_in_conflict_is_marked() {
        let item: ConsentableItem = from_value(json!({
            "external_id": "1", "type": "Channel", "name": "News", "unmapped": true, "renamed_from": "Letters",
            "moved_from": "Channel 2", "vanished": true, "conflict": "mapped to another notice than its channel",
        }))
        .unwrap();
        let marked: Vec<_> =
            marks(&item).into_iter().map(|mark| (mark.word, mark.detail.unwrap_or_default())).collect();
        let expected = [
            ("New", ""),
            ("Renamed", "It was called Letters."),
            ("Moved", "It was under Channel 2."),
            ("Vanished", "The vendor no longer lists it."),
            ("Conflict", "mapped to another notice than its channel"),
        ];
        assert_eq!(marked, expected.map(|(word, detail)| (word, detail.to_owned())));
    }

    #[test]
    fn an_error_is_shown_at_its_item_and_an_unusable_notice_only_where_it_is_chosen() {
        let chosen = Assigned::read(&pairs(&[("channel:1", "forget"), ("channel:2", "notice:n-2")]));
        let option = |id: &str, unusable: Option<&str>| NoticeOption {
            id: id.to_owned(),
            name: id.to_owned(),
            unusable: unusable.map(str::to_owned),
        };
        let errors = [("[0]", "first"), ("[1].children[0]", "second")]
            .map(|(field, message)| FieldError { field: field.to_owned(), message: message.to_owned() });
        let options = [option("n-1", None), option("n-2", Some("why"))];
        let context = TreeContext { options: &options, assigned: Some(&chosen), errors: &errors };
        let nodes = item_nodes(&tree(), &context);
        let wrong: Vec<_> = nodes.iter().flat_map(ItemNode::wrong).collect();
        assert_eq!(
            wrong,
            [(2, "2".to_owned(), "first".to_owned()), (4, "4".to_owned(), "second".to_owned())]
        );
        let offered = |node: &ItemNode| -> Vec<_> {
            node.choices
                .iter()
                .map(|choice| (choice.value.clone(), choice.is_chosen, choice.is_unusable))
                .collect()
        };
        let choice = |value: &str, is_chosen, is_unusable| (value.to_owned(), is_chosen, is_unusable);
        assert_eq!(
            offered(&nodes[0]),
            [
                choice("", false, false),
                choice("notice:n-1", false, false),
                choice("notice:n-2", false, true),
                choice("forget", true, false)
            ]
        );
        assert_eq!(
            offered(&nodes[1]),
            [choice("", false, false), choice("notice:n-1", false, false), choice("notice:n-2", true, false)]
        );
    }
}
