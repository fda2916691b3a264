//! A change of an object as a JSON merge patch: RFC 7396.
//! Tested in `src/tests/spelling.rs`.

use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::Type},
};

use super::object::Object;
use host_model::unread::{Unread, shown_key};

/// A merge patch of a `T`: members that are left out stay unchanged, null resets a member. Members may be spelled in
/// kebab-case, as in version 0.1.0.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct MergePatch<T> {
    patch: Value,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned + Default> MergePatch<T> {
    /// The patch that sets `patch`.
    pub fn new(patch: Value) -> Result<Self, RepeatedMember> {
        Ok(Self { patch: in_snake_case(patch)?, of: PhantomData })
    }

    /// Returns `before` with the patch merged into it.
    pub fn on(&self, before: &T) -> Result<T, Unread> {
        if self.patch.is_null() {
            return Ok(T::default());
        }
        let mut document = json!(before);
        merge(&mut document, &self.patch, &json!(T::default()));
        let merged = serde_path_to_error::deserialize(document).map_err(|error| Unread::json(&error));
        merged.map(|Object(value)| value)
    }
}

impl<'de, T: Serialize + DeserializeOwned + Default> Deserialize<'de> for MergePatch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A member that occurs in two spellings: either value could be the intended one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("duplicate field `{}`", shown_key(.0))]
pub struct RepeatedMember(String);

/// Converts the members to one spelling, so that none occurs twice after the merge.
fn in_snake_case(patch: Value) -> Result<Value, RepeatedMember> {
    let Value::Object(members) = patch else { return Ok(patch) };
    let mut spelled = Map::new();
    for (name, value) in members {
        let name = name.replace('-', "_");
        if spelled.insert(name.clone(), in_snake_case(value)?).is_some() {
            return Err(RepeatedMember(name));
        }
    }
    Ok(spelled.into())
}

/// Merges `patch` into `document`; null stands for what is in `defaults`.
fn merge(document: &mut Value, patch: &Value, defaults: &Value) {
    let Value::Object(patch) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Value::Object(members) = document else { return };
    for (name, value) in patch {
        // A `T` serializes all its members, so a name without a default does not exist, and deserialization rejects it.
        let default = defaults.get(name).unwrap_or(&Value::Null);
        if value.is_null() {
            members.insert(name.clone(), default.clone());
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value, default);
        }
    }
}

/// The schema of a merge patch of a `T`: that of `T`, but every member may be left out or null. A member of type `X`
/// with a schema of its own becomes an `XPatch`.
pub(super) fn schema_of<T: PartialSchema>() -> RefOr<Schema> {
    let mut schema = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.required.clear();
        object.description = Some(
            "A JSON merge patch (RFC 7396): omitted members stay unchanged, null resets a member.".to_owned(),
        );
        for property in object.properties.values_mut() {
            if let RefOr::Ref(nested) = property {
                nested.ref_location.push_str("Patch");
            }
            let null = ObjectBuilder::new().schema_type(Type::Null);
            *property = OneOfBuilder::new().item(null).item(property.clone()).into();
        }
    }
    schema
}

/// Declares a named type for a merge patch, which appears in the document.
macro_rules! merge_patch {
    ($(#[$meta:meta])* pub struct $name:ident of $of:ty $(, with $nested:ty)?) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $crate::types::merge_patch::MergePatch<$of>);

        impl utoipa::ToSchema for $name {
            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                <$of as utoipa::ToSchema>::schemas(schemas);
                $(
                    let nested = <$nested as utoipa::ToSchema>::name().into_owned();
                    schemas.push((nested, <$nested as utoipa::PartialSchema>::schema()));
                )?
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::types::merge_patch::schema_of::<$of>()
            }
        }
    };
}

pub(super) use merge_patch;
