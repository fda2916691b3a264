//! `items`: lists the items that a person can opt in to or out of, as a tree.

use std::collections::{HashMap, HashSet};

use clap::Args;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    on_version::OnVersionOption,
    output::CommandOutput,
    session::Session,
};
use host_api::types::mapping::ConsentableItem;
use host_model::contract::consent::{Item, ItemId};

#[derive(Debug, Args)]
pub(super) struct ItemsCommand {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    on: OnVersionOption,
}

impl ItemsCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        if let Some(client) = session.remote()? {
            return list_at_service(session, &client, &self).await;
        }
        self.on.check_absent()?;
        let calls = session.calls(&self.connection).await?;
        let items = session.ask(&calls, calls.list_items()).await?;
        let mut lines = vec![format!("connection {}: {}", self.connection, counted(items.len()))];
        lines.extend(tree(&items));
        Ok(CommandOutput {
            people: lines.join("\n"),
            json: json!({"connection": self.connection, "items": items}),
            exit: Exit::Done,
        })
    }
}

/// Lists the items of a service's connection, with the notice that each is mapped to.
async fn list_at_service(
    session: &Session,
    client: &Client,
    ItemsCommand { connection, on }: &ItemsCommand,
) -> Result<CommandOutput, Failure> {
    let call = on.add_to(ApiCall::get(&["plus", "connection", connection, "consentable-items"]));
    let asking = client.ask(call);
    let ApiResponse { value: listed, json }: ApiResponse<Vec<ConsentableItem>> =
        session.awaited(&format!("waiting for the vendor of connection {connection}"), asking).await?;
    let mut items = Vec::new();
    let mut open: Vec<_> = listed.iter().map(|item| (item, None)).collect();
    while let Some((item, parent)) = open.pop() {
        let id = ItemId { kind: item.kind.clone(), id: item.external_id.clone() };
        open.extend(item.children.iter().map(|child| (child, Some(id.clone()))));
        items.push(Item { id, name: name_with_notice(item), parent });
    }
    items.reverse();
    let mut lines = vec![format!("connection {connection}: {}", counted(items.len()))];
    lines.extend(tree(&items));
    Ok(CommandOutput { people: lines.join("\n"), json, exit: Exit::Done })
}

/// An item's name, with its notice.
fn name_with_notice(item: &ConsentableItem) -> String {
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

/// Deeper items are drawn at this level: no vendor nests so deeply, and a page is not that wide.
const MAX_DEPTH: usize = 16;

/// A line for each item, below its parent. An item whose parent is not listed is at the top, as is one of a cycle.
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
        // Not recursive, since a connector may nest items to any depth.
        let mut open = vec![(top, Vec::new())];
        while let Some((item, lasts)) = open.pop() {
            if !seen.insert(&item.id) {
                continue;
            }
            lines.push(format!("{}{}  {}", branch(&lasts), item.name, item.id));
            let below = children.get(&Some(&item.id)).map(Vec::as_slice).unwrap_or_default();
            let above = lasts.get(..MAX_DEPTH).unwrap_or(&lasts);
            for (left, child) in below.iter().rev().enumerate() {
                open.push((child, [above, &[left == 0]].concat()));
            }
        }
    }
    lines
}

/// The branches before an item: for each level above it, whether the last item there has been drawn.
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
