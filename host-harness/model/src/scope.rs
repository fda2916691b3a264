//! What an API key may do: scopes, such as `requests:write`.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use strum::{AsRefStr, EnumString, VariantArray};

/// A part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, AsRefStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Area {
    /// Requests: submitting, showing and replaying them.
    Requests,
    /// Acts on many requests at once.
    Bulk,
    /// Choices: submitting them, reading people at the vendor, and the feed.
    Consent,
    /// Webhook tokens and deliveries.
    WebhookTokens,
    /// Connections, their tests and mappings, notices and systems.
    Connections,
    /// Plugins and their versions.
    Plugins,
    /// Alarms, metrics and the configuration.
    Admin,
}

/// The kind of access to an [`Area`]. Neither includes the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, AsRefStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum AccessKind {
    /// Looks, and changes nothing.
    Read,
    /// Changes something.
    Write,
}

/// One permission. Its text is `AREA:ACCESS`, such as `requests:write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The part of the API.
    pub area: Area,
    /// The kind of access.
    pub access: AccessKind,
}

impl Scope {
    /// Returns all scopes.
    pub fn all() -> impl Iterator<Item = Self> {
        let of_area = |area: &Area| {
            let area = *area;
            AccessKind::VARIANTS.iter().map(move |access| Self { area, access: *access })
        };
        Area::VARIANTS.iter().flat_map(of_area)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.area.as_ref(), self.access.as_ref())
    }
}

/// The text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected AREA:read or AREA:write, such as requests:write; the areas are requests, bulk, consent, \
     webhook-tokens, connections, plugins, admin"
)]
pub struct NotAScope;

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        let (area, access) = text.split_once(':').ok_or(NotAScope)?;
        let area = area.parse().map_err(|_| NotAScope)?;
        Ok(Self { area, access: access.parse().map_err(|_| NotAScope)? })
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The scopes of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// Every area, also those of later versions, for reading.
    ReadAll,
    /// Every area, also those of later versions, for reading and writing.
    All,
    /// Only these.
    Only(BTreeSet<Scope>),
}

impl Scopes {
    /// Returns the scopes of this version that are among them.
    pub fn listed(&self) -> impl Iterator<Item = Scope> {
        Scope::all().filter(|scope| self.contains(*scope))
    }

    /// Returns whether each of `other` is one of them, also in later versions.
    pub fn include(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) | (Self::ReadAll, Self::ReadAll) => true,
            (Self::ReadAll, Self::All) | (Self::Only(_), Self::All | Self::ReadAll) => false,
            (_, Self::Only(scopes)) => scopes.iter().all(|scope| self.contains(*scope)),
        }
    }

    /// Returns whether `scope` is one of them.
    pub fn contains(&self, scope: Scope) -> bool {
        match self {
            Self::All => true,
            Self::ReadAll => scope.access == AccessKind::Read,
            Self::Only(scopes) => scopes.contains(&scope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_has_a_text_from_which_it_is_read_again() {
        let texts: Vec<String> = Scope::all().map(|scope| scope.to_string()).collect();
        assert_eq!(texts.len(), 14);
        assert!(texts.contains(&"webhook-tokens:write".to_owned()), "{texts:?}");
        for (scope, text) in Scope::all().zip(&texts) {
            assert_eq!(text.parse(), Ok(scope));
            assert_eq!(serde_json::from_str::<Scope>(&format!("{text:?}")).unwrap(), scope);
        }
        for text in [
            "",
            "requests",
            "requests:",
            "requests:all",
            "Requests:read",
            "people:read",
            "requests:read:write",
        ] {
            assert_eq!(text.parse::<Scope>(), Err(NotAScope), "{text}");
        }
    }

    #[test]
    fn scopes_include_others_only_if_they_do_so_in_later_versions_too() {
        let only = |texts: &[&str]| Scopes::Only(texts.iter().map(|text| text.parse().unwrap()).collect());
        let (reading, every) = (only(&["requests:read"]), Scopes::Only(Scope::all().collect()));
        for (holder, included, excluded) in [
            (Scopes::All, vec![Scopes::All, Scopes::ReadAll, every.clone()], vec![]),
            (Scopes::ReadAll, vec![Scopes::ReadAll, reading.clone()], vec![Scopes::All, every.clone()]),
            (every.clone(), vec![every.clone(), reading.clone()], vec![Scopes::All, Scopes::ReadAll]),
            (reading.clone(), vec![reading], vec![every, only(&["requests:write"])]),
        ] {
            assert!(included.iter().all(|other| holder.include(other)), "{holder:?}");
            assert!(excluded.iter().all(|other| !holder.include(other)), "{holder:?}");
        }
    }

    #[test]
    fn writing_does_not_include_reading() {
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        let only = Scopes::Only(BTreeSet::from([scope("consent:write")]));
        assert!(only.contains(scope("consent:write")));
        assert!(!only.contains(scope("consent:read")) && !only.contains(scope("requests:write")));
        assert!(Scope::all().all(|scope| Scopes::All.contains(scope)));
        assert!(
            Scope::all().all(|scope| Scopes::ReadAll.contains(scope) == (scope.access == AccessKind::Read))
        );
    }
}
