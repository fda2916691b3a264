//! Everything that a version of a plugin may do, as a privacy officer reads it. `templates/permissions.html` shows it.

use host_api::types::{
    manifest::{Effect, Manifest, Operation, RateLimit, Setting},
    plugins::Permissions,
};

/// The permission list of a version.
pub(super) struct PermissionList {
    pub(super) vendor: String,
    pub(super) version: String,
    pub(super) documentation: String,
    /// Each host that requests go to.
    pub(super) hosts: Vec<String>,
    /// What it can do for people.
    pub(super) offers: Vec<&'static str>,
    /// Each kind of identifier, and whether it identifies a person.
    pub(super) identifiers: Vec<String>,
    /// Each secret, and what happens to it.
    pub(super) secrets: Vec<String>,
    /// What it reports without proof, and why.
    pub(super) on_trust: Vec<String>,
    pub(super) operations: Vec<OperationRow>,
    pub(super) settings: Vec<SettingRow>,
}

/// A request that it may send.
pub(super) struct OperationRow {
    pub(super) name: String,
    pub(super) purpose: String,
    pub(super) request: String,
    pub(super) effect: &'static str,
    pub(super) is_write: bool,
    pub(super) used_for: String,
    pub(super) carries: String,
    pub(super) how_often: String,
}

/// A setting that the operator fills in.
pub(super) struct SettingRow {
    pub(super) label: String,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) allowed: String,
}

impl From<&Permissions> for PermissionList {
    fn from(permissions: &Permissions) -> Self {
        let Permissions { manifest, exports, .. } = permissions;
        let is_host = |setting: &&Setting| {
            manifest.operations.iter().any(|operation| operation.host_setting == setting.name)
        };
        let host = |setting: &Setting| match setting.options.as_slice() {
            [] => format!("the host in the setting {}, which the operator allows", setting.name),
            options => options.join(" or "),
        };
        let secret = |setting: &Setting| {
            format!("{}: the host adds it to requests, the connector never sees it", setting.label)
        };
        let captured = manifest.operations.iter().flat_map(|operation| &operation.captures);
        let captured = captured.map(|capture| {
            format!("{}: the vendor's answer brings it, the host keeps it from the connector", capture.secret)
        });
        let secrets = manifest.settings.iter().filter(|setting| setting.secret).map(secret);
        let kinds = manifest.identifier_kinds.iter();
        let trusted = manifest.proves_without.iter();
        Self {
            vendor: manifest.vendor.clone(),
            version: manifest.version.clone(),
            documentation: manifest.documentation.clone(),
            hosts: manifest.settings.iter().filter(is_host).map(host).collect(),
            offers: exports.iter().filter_map(|name| offer(name)).collect(),
            identifiers: kinds.map(|kind| format!("{} ({})", kind.name, kind.identifies)).collect(),
            secrets: secrets.chain(captured).collect(),
            on_trust: trusted.map(|of| format!("{}: {}", of.claim.replace('-', " "), of.reason)).collect(),
            operations: manifest.operations.iter().map(|of| OperationRow::of(manifest, of)).collect(),
            settings: manifest.settings.iter().map(Into::into).collect(),
        }
    }
}

fn offer(interface: &str) -> Option<&'static str> {
    match interface {
        "erasure" => Some("erase a person"),
        "consent" => Some("read and apply a person's choices"),
        "webhook-verify" => Some("read the vendor's webhooks"),
        "webhook-token" => Some("give the vendor the token of its webhooks"),
        _ => None,
    }
}

impl OperationRow {
    fn of(manifest: &Manifest, operation: &Operation) -> Self {
        let fields = operation.fields.iter().map(|field| format!("{} {}", field.place, field.name));
        let limits = manifest.limits.iter().filter(|limit| operation.limits.contains(&limit.name));
        let (effect, is_write) = match operation.effect {
            Effect::Read => ("only reads", false),
            Effect::Write => ("may change something", true),
        };
        let used_for = match operation.used_by.as_slice() {
            [] => "the host alone".to_owned(),
            interfaces => interfaces.join(", "),
        };
        Self {
            name: operation.name.clone(),
            purpose: operation.purpose.clone(),
            request: format!("{} {}", operation.method, operation.path),
            effect,
            is_write,
            used_for,
            carries: joined(fields),
            how_often: joined(limits.map(limit)),
        }
    }
}

/// A limit as a vendor would publish it.
fn limit(limit: &RateLimit) -> String {
    let requests = limit.requests;
    match limit.period_ms {
        None => format!("{requests} at the same time"),
        Some(1_000) => format!("{requests} a second"),
        Some(60_000) => format!("{requests} a minute"),
        Some(3_600_000) => format!("{requests} an hour"),
        Some(86_400_000) => format!("{requests} a day"),
        Some(period) => format!("{requests} in {period} ms"),
    }
}

impl From<&Setting> for SettingRow {
    fn from(setting: &Setting) -> Self {
        let kind = match (setting.secret, setting.required) {
            (true, true) => "secret, required",
            (true, false) => "secret",
            (false, true) => "required",
            (false, false) => "optional",
        };
        let allowed = match setting.options.as_slice() {
            [] => "any value".to_owned(),
            options => options.join(", "),
        };
        Self { label: setting.label.clone(), name: setting.name.clone(), kind, allowed }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
