//! `items`: what a person can be in or out of, as a tree.

use std::collections::{HashMap, HashSet};

use clap::Args;
use serde_json::json;

use super::{
    client::{Answer, Call, Client},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::Shown,
};
use host_api::types::mapping::ConsentableItem;
use host_model::contract::consent::{Item, ItemId};

#[derive(Debug, Args)]
pub(super) struct Items {
    /// The connection's key in the configuration.
    connection: String,
}

impl Items {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        if let Some(client) = session.remote()? {
            return remotely(session, &client, &self.connection).await;
        }
        let calls = session.calls(&self.connection).await?;
        let items = session.ask(&calls, calls.list_items()).await?;
        let mut lines = vec![format!("connection {}: {}", self.connection, counted(items.len()))];
        lines.extend(tree(&items));
        Ok(Shown {
            people: lines.join("\n"),
            json: json!({"connection": self.connection, "items": items}),
            exit: Exit::Done,
        })
    }
}

/// The same as a service has it, with the notice that each item stands for.
async fn remotely(session: &Session, client: &Client, connection: &str) -> Result<Shown, Failure> {
    let asking = client.ask(Call::get(&["plus", "connection", connection, "consentable-items"]));
    let Answer { value: listed, json }: Answer<Vec<ConsentableItem>> =
        session.awaited(&format!("waiting for the vendor of connection {connection}"), asking).await?;
    let mut items = Vec::new();
    let mut open: Vec<_> = listed.iter().map(|item| (item, None)).collect();
    while let Some((item, parent)) = open.pop() {
        let id = ItemId { kind: item.kind.clone(), id: item.external_id.clone() };
        open.extend(item.children.iter().map(|child| (child, Some(id.clone()))));
        items.push(Item { id, name: remarked(item), parent });
    }
    items.reverse();
    let mut lines = vec![format!("connection {connection}: {}", counted(items.len()))];
    lines.extend(tree(&items));
    Ok(Shown { people: lines.join("\n"), json, exit: Exit::Done })
}

/// An item's name, and how it stands to notices.
fn remarked(item: &ConsentableItem) -> String {
    let notice = item.notice_id.as_ref().map(|notice| format!(" [notice {notice}]"));
    let vanished = if item.vanished { " [vanished]" } else { "" };
    format!("{}{}{vanished}", item.name, notice.unwrap_or_default())
}

fn counted(items: usize) -> String {
    match items {
        0 => "no items".to_owned(),
        1 => "1 item".to_owned(),
        many => format!("{many} items"),
    }
}

/// Items below this level are drawn on it: nothing at a vendor is nested as deep, and a page is not as wide.
const DEEPEST: usize = 16;

/// A line for each item, below its parent; one whose parent is not listed stands at the top, as does one of a circle.
fn tree(items: &[Item]) -> Vec<String> {
    let listed: HashSet<&ItemId> = items.iter().map(|item| &item.id).collect();
    let mut children: HashMap<Option<&ItemId>, Vec<&Item>> = HashMap::new();
    for item in items {
        let parent = item.parent.as_ref().filter(|parent| listed.contains(parent));
        children.entry(parent).or_default().push(item);
    }
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    let tops = children.get(&None).cloned().unwrap_or_default();
    for top in tops.into_iter().chain(items) {
        // Not by recursion: a connector may nest as deep as it likes.
        let mut open = vec![(top, Vec::new())];
        while let Some((item, lasts)) = open.pop() {
            if !seen.insert(&item.id) {
                continue;
            }
            lines.push(format!("{}{}  {}", branch(&lasts), item.name, item.id));
            let below = children.get(&Some(&item.id)).map(Vec::as_slice).unwrap_or_default();
            let above = lasts.get(..DEEPEST).unwrap_or(&lasts);
            for (left, child) in below.iter().rev().enumerate() {
                open.push((child, [above, &[left == 0]].concat()));
            }
        }
    }
    lines
}

/// What leads to an item: for each level above it, whether the last one there has been drawn.
fn branch(lasts: &[bool]) -> String {
    let Some((own, above)) = lasts.split_last() else { return String::new() };
    let mut branch: String = above.iter().map(|last| if *last { "   " } else { "│  " }).collect();
    branch.push_str(if *own { "└─ " } else { "├─ " });
    branch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, parent: Option<&str>) -> Item {
        Item {
            id: id.parse().unwrap(),
            name: format!("Name {id}"),
            parent: parent.map(|id| id.parse().unwrap()),
        }
    }

    #[test]
    fn children_stand_below_their_parents() {
        let items = [
            item("message-type:1", Some("channel:1")),
            item("channel:1", None),
            item("message-type:2", Some("channel:1")),
            item("topic:9", Some("message-type:1")),
            item("channel:2", None),
        ];
        assert_eq!(
            tree(&items).join("\n"),
            "Name channel:1  channel:1\
             \n├─ Name message-type:1  message-type:1\
             \n│  └─ Name topic:9  topic:9\
             \n└─ Name message-type:2  message-type:2\
             \nName channel:2  channel:2"
        );
    }

    #[test]
    fn orphans_and_circles_are_listed_once() {
        let items = [
            item("a:1", Some("a:2")),
            item("a:2", Some("a:1")),
            item("b:1", Some("gone:1")),
            item("c:1", Some("c:1")),
        ];
        assert_eq!(tree(&items).join("\n"), "Name b:1  b:1\nName a:1  a:1\n└─ Name a:2  a:2\nName c:1  c:1");
    }

    #[test]
    fn a_deep_chain_is_no_deep_recursion() {
        let mut items = vec![item("a:0", None)];
        items.extend((1..2_000).map(|n| item(&format!("a:{n}"), Some(&format!("a:{}", n - 1)))));
        assert_eq!(tree(&items).len(), 2_000);
    }
}
