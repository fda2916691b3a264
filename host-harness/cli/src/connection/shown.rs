//! Connections for people.

use serde_json::Value;

use crate::{
    document::{is, list as listed, sheet, text, time},
    exit::Exit,
    shown::{Shown, detail, table},
};

/// Connections, as a table.
pub(super) fn list(width: u16, json: Value) -> Shown {
    let columns = [
        ("key", None),
        ("tenant", None),
        ("plugin", None),
        ("state", None),
        ("owner", None),
        ("last test", None),
    ];
    let rows = listed(&json, "connections").iter().map(|connection| {
        let [key, tenant, plugin] = ["key", "tenant", "plugin"].map(|field| text(connection, field));
        vec![key, tenant, plugin, state(connection), owner(connection), tested(connection)]
    });
    let people = table(width, &columns, rows).to_string();
    Shown { people, json, exit: Exit::Done }
}

/// One connection, in lines.
pub(super) fn one(json: Value) -> Shown {
    let mut lines = vec![sheet(&[
        ("connection", text(&json, "key")),
        ("tenant", text(&json, "tenant")),
        ("plugin", text(&json, "plugin")),
        ("state", state(&json)),
        ("owner", owner(&json)),
        ("actions", text(&json, "actions")),
        ("system", text(&json, "system")),
        ("settings", text(&json, "settings")),
        ("secrets", text(&json, "secrets")),
        ("webhook URL", text(&json, "webhook-url")),
        ("last test", tested(&json)),
        ("made", time(&json, "created-at")),
        ("changed", time(&json, "changed-at")),
    ])];
    let problem = json.get("problem").unwrap_or(&Value::Null);
    lines.extend(
        listed(problem, "errors")
            .iter()
            .map(|error| format!("  {}{}", text(error, "field"), detail(&text(error, "message")))),
    );
    Shown { people: lines.join("\n"), json, exit: Exit::Done }
}

/// What it does, or why nothing.
fn state(connection: &Value) -> String {
    let parked = text(connection, "parked-why");
    let problem = connection.get("problem").map(|problem| text(problem, "detail")).unwrap_or_default();
    if !problem.is_empty() {
        format!("not served: {problem}")
    } else if !is(connection, "enabled") {
        "disabled".to_owned()
    } else if !parked.is_empty() {
        format!("parked since {}: {parked}", time(connection, "parked-at"))
    } else {
        "serves".to_owned()
    }
}

fn owner(connection: &Value) -> String {
    let file = text(connection, "file");
    match (file.is_empty(), is(connection, "left-file")) {
        (true, _) => "API".to_owned(),
        (false, false) => file,
        (false, true) => format!("{file}, which no longer names it"),
    }
}

fn tested(connection: &Value) -> String {
    let at = time(connection, "tested-at");
    match connection.get("test-passed").and_then(Value::as_bool) {
        Some(true) => format!("passed {at}"),
        Some(false) => format!("failed {at}"),
        None => String::new(),
    }
}
