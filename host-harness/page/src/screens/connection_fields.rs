//! The fields of a connection's form, and what the API is sent for them. A field is named as the API names what it changes,
//! so that the API's errors find their fields.

use std::collections::{BTreeMap, BTreeSet};

use host_api::types::{
    connections::{Connection, Duty},
    egress::Egress,
    manifest::Setting,
    plugins::Permissions,
};
use serde_json::{Map, Value, json};

use crate::{
    form::{Control, FieldChoice, FormField},
    user::User,
};

/// What a form contained, by the names of its fields.
pub(super) type Entries = BTreeMap<String, String>;

/// What a form is about.
pub(super) enum FormSubject {
    /// A new connection of the plugin with this name.
    New { name: String, plugin: Permissions },
    /// A connection that exists.
    Change { connection: Box<Connection>, plugin: Permissions },
}

impl FormSubject {
    pub(super) fn plugin(&self) -> &Permissions {
        match self {
            Self::New { plugin, .. } | Self::Change { plugin, .. } => plugin,
        }
    }

    fn connection(&self) -> Option<&Connection> {
        match self {
            Self::New { .. } => None,
            Self::Change { connection, .. } => Some(connection),
        }
    }

    fn egress(&self) -> Egress {
        self.connection().map(|connection| connection.egress.clone()).unwrap_or_default()
    }
}

/// The actions, with the names of their checkboxes.
const ACTIONS: [(&str, &str, Duty); 2] = [
    ("actions.erasure", "Erase people", Duty::Erasure),
    ("actions.consent", "Keep consent choices in sync", Duty::Consent),
];

/// Whether the user may say where requests go, which is in the operator's network.
fn may_set_egress(user: &User) -> bool {
    user.caller.key.grant.reach.is_everything()
}

/// Returns the fields with `entries`, or with what is stored or usual.
pub(super) fn fields(user: &User, form: &FormSubject, entries: Option<&Entries>) -> Vec<FormField> {
    let stored = form.connection();
    let text = |name: &str, stored: Option<&str>| -> String {
        let typed = entries.map(|entries| entries.get(name).map(String::as_str).unwrap_or_default());
        typed.or(stored).unwrap_or_default().to_owned()
    };
    let is_ticked = |name: &str, stored: bool| entries.map_or(stored, |entries| entries.contains_key(name));
    let mut fields = Vec::new();
    if stored.is_none() {
        let hint = "Unique across tenants: lower-case words and digits with single dashes between them. It cannot be changed \
                    later.";
        fields.push(FormField::text("key", "Key", text("key", None)).required().hint(hint));
        fields.push(FormField::text("tenant", "Tenant", text("tenant", None)).required());
    }
    for setting in &form.plugin().manifest.settings {
        let values = accepted(setting, form.plugin(), user);
        fields.push(setting_field(setting, &values, stored, &text));
    }
    let of_connection = |name: &str, label: &str, stored: Option<&String>| {
        FormField::text(name, label, text(name, stored.map(String::as_str)))
    };
    let system = of_connection("system", "System", stored.and_then(|stored| stored.system.as_ref()));
    fields.push(system.hint(
        "The key of the tenant's system that it belongs to. Its data uses decide which notices reach it.",
    ));
    for (name, label, duty) in ACTIONS {
        let is_set = stored.is_none_or(|stored| stored.actions.contains(&duty));
        fields.push(FormField::new(name, label, Control::Checkbox { is_checked: is_ticked(name, is_set) }));
    }
    let is_enabled = is_ticked("enabled", stored.is_none_or(|stored| stored.enabled));
    let enabled = FormField::new("enabled", "Enabled", Control::Checkbox { is_checked: is_enabled });
    fields.push(
        enabled.hint("A connection that is not enabled does nothing: its requests and deliveries wait."),
    );
    if may_set_egress(user) {
        fields.extend(egress_fields(&form.egress(), &text, &is_ticked));
    }
    fields
}

/// The values that a setting accepts.
enum AcceptedValues {
    /// Its options alone.
    Options,
    /// More than a form can list, in words.
    Described(String),
}

/// The values that `setting` accepts. The vendor's host may also be one of the further hosts that the user may name.
fn accepted(setting: &Setting, plugin: &Permissions, user: &User) -> AcceptedValues {
    let options = setting.options.join(", ");
    let is_host = plugin.manifest.operations.iter().any(|operation| operation.host_setting == setting.name);
    if setting.options.is_empty() {
        AcceptedValues::Described(String::new())
    } else if setting.options.iter().any(|option| option.contains('*')) {
        AcceptedValues::Described(format!(
            " Accepted: {options}; * stands for letters, digits, dots and dashes."
        ))
    } else if is_host && may_set_egress(user) {
        AcceptedValues::Described(format!(" Accepted: {options}, or one of the further hosts below."))
    } else {
        AcceptedValues::Options
    }
}

/// The field of one of the plugin's settings.
fn setting_field(
    setting: &Setting,
    values: &AcceptedValues,
    stored: Option<&Connection>,
    text: &impl Fn(&str, Option<&str>) -> String,
) -> FormField {
    let (name, mut hint) = (place(setting), setting.description.clone());
    let stored_value = || stored.and_then(|stored| stored.settings.get(&setting.name)).map(String::as_str);
    let is_stored = stored.is_some_and(|stored| stored.secrets.contains_key(&setting.name));
    let control = match values {
        _ if setting.secret => Control::Secret { is_stored },
        AcceptedValues::Options => options(setting, &text(&name, stored_value())),
        AcceptedValues::Described(accepted) => {
            let default = setting.default.as_ref().filter(|default| !default.is_empty());
            hint.extend(default.map(|default| format!(" If it is empty: {default}.")));
            hint.push_str(accepted);
            Control::Text { value: text(&name, stored_value()) }
        }
    };
    let mut field = FormField::new(name, &setting.label, control).hint(hint);
    field.is_required = setting.required && !is_stored && setting.default.is_none();
    field
}

/// The options of a setting, and what counts if none is chosen.
fn options(setting: &Setting, value: &str) -> Control {
    let unset = match &setting.default {
        Some(default) => format!("{default} (the default)"),
        None => "not set".to_owned(),
    };
    let options = setting.options.iter().map(|option| (option.as_str(), option.as_str()));
    let mut choices = FieldChoice::among([("", unset.as_str())], value);
    choices.extend(FieldChoice::among(options, value));
    Control::Select { choices }
}

/// Where a setting is in the body of the API.
fn place(setting: &Setting) -> String {
    let place = if setting.secret { "secrets" } else { "settings" };
    format!("{place}.{}", setting.name)
}

fn egress_fields(
    egress: &Egress,
    text: &impl Fn(&str, Option<&str>) -> String,
    is_ticked: &impl Fn(&str, bool) -> bool,
) -> [FormField; 3] {
    let hosts = egress.hosts.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    let hosts = Control::Lines { value: text("egress.hosts", Some(&hosts)) };
    let checkbox = |name: &str, label: &str, is_set: bool| {
        FormField::new(name, label, Control::Checkbox { is_checked: is_ticked(name, is_set) })
    };
    [
        FormField::new("egress.hosts", "Further hosts that it may reach", hosts).hint(
            "One on each line, as host or host:port. The hosts of the plugin's manifest are always allowed.",
        ),
        checkbox("egress.loopback", "It may reach this machine", egress.loopback),
        checkbox("egress.plain_http", "It may do so without TLS", egress.plain_http),
    ]
}

/// Returns the body that creates or changes the connection as `entries` say.
pub(super) fn body(user: &User, form: &FormSubject, entries: &Entries) -> Value {
    let text = |name: &str| entries.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let actions: BTreeSet<Duty> =
        ACTIONS.into_iter().filter(|(name, ..)| entries.contains_key(*name)).map(|(.., duty)| duty).collect();
    let mut body =
        json!({"enabled": entries.contains_key("enabled"), "actions": actions, "system": text("system")});
    let (mut settings, mut secrets) = (Map::new(), Map::new());
    for setting in &form.plugin().manifest.settings {
        let typed = text(&place(setting));
        let is_kept = typed.is_none() && (setting.secret || form.connection().is_none());
        if is_kept {
            continue;
        }
        let values = if setting.secret { &mut secrets } else { &mut settings };
        values.insert(setting.name.clone(), json!(typed));
    }
    let mut add = |name: &str, value: Value| {
        if let Some(body) = body.as_object_mut() {
            body.insert(name.to_owned(), value);
        }
    };
    add("settings", settings.into());
    add("secrets", secrets.into());
    if let FormSubject::New { name, .. } = form {
        add("plugin", json!(name));
        add("key", json!(text("key").unwrap_or_default()));
        add("tenant", json!(text("tenant").unwrap_or_default()));
    }
    if may_set_egress(user) {
        let hosts: BTreeSet<&str> = text("egress.hosts").unwrap_or_default().split_whitespace().collect();
        let is_ticked = |name: &str| entries.contains_key(name);
        let (loopback, plain_http) = (is_ticked("egress.loopback"), is_ticked("egress.plain_http"));
        add("egress", json!({"hosts": hosts, "loopback": loopback, "plain_http": plain_http}));
    }
    body
}
