//! Parts of manifests that several guests need.

use crate::base::exports::privacy::saas_connector::connector::{Field, Operation, Place, SettingSpec};

/// An optional setting with this name that allows any value.
pub fn setting(name: &str) -> SettingSpec {
    SettingSpec {
        name: name.to_owned(),
        label: name.to_owned(),
        description: format!("The {name} of a test"),
        required: false,
        secret: false,
        default: None,
        options: Vec::new(),
    }
}

/// An optional secret with this name.
pub fn secret(name: &str) -> SettingSpec {
    SettingSpec { secret: true, ..setting(name) }
}

/// An operation at the host in the setting `domain`, for calls of `connector`.
pub fn operation(name: &str, method: &str, path: &str) -> Operation {
    Operation {
        name: name.to_owned(),
        purpose: format!("Shows {name}"),
        used_by: vec!["connector".to_owned()],
        host_setting: "domain".to_owned(),
        method: method.to_owned(),
        effect: None,
        path: path.to_owned(),
        query: Vec::new(),
        content_type: None,
        fields: Vec::new(),
        captures: Vec::new(),
        response_headers: Vec::new(),
        response_limit: None,
        limits: Vec::new(),
        repeatable: false,
    }
}

/// A field that the host writes.
pub fn field(place: Place, name: &str, value: &str) -> Field {
    Field { place, name: name.to_owned(), value: value.to_owned() }
}
