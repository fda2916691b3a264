//! References to plugins in registries.

use std::{fmt, str::FromStr};

use host_model::digest::Digest;
use oci_spec::distribution::Reference;

/// A reference to a plugin in a registry, such as `registry.example.com/plugins/iterable:1.2` or one by digest. If it has both
/// a tag and a digest, the digest counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PluginReference {
    reference: Reference,
    digest: Option<Digest>,
}

/// The text is not a reference to a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// It does not follow the grammar.
    #[error("expected a reference such as registry.example.com/plugins/iterable:1.2")]
    Malformed,
    /// It does not begin with a registry. None is assumed.
    #[error("expected a registry first, such as registry.example.com/plugins/iterable:1.2")]
    NoRegistry,
    /// It has neither tag nor digest. `latest` is not assumed.
    #[error("expected a tag or a digest, such as registry.example.com/plugins/iterable:1.2")]
    NoTag,
    /// The digest is not a SHA-256.
    #[error("expected a digest that begins with sha256:")]
    OtherDigest,
}

impl PluginReference {
    /// The registry as it is written, with its port.
    pub fn registry(&self) -> &str {
        self.reference.registry()
    }

    /// The repository in the registry.
    pub fn repository(&self) -> &str {
        self.reference.repository()
    }

    /// The tag, if there is one.
    pub fn tag(&self) -> Option<&str> {
        self.reference.tag()
    }

    /// The digest of the manifest, if it is pinned to one.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// Returns the reference to the same repository by digest alone.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { reference: self.reference.clone_with_digest(digest.to_string()), digest: Some(digest) }
    }

    /// What the manifest is requested by: the digest, otherwise the tag.
    pub(crate) fn manifest_name(&self) -> String {
        match self.digest {
            Some(digest) => digest.to_string(),
            None => self.tag().unwrap_or_default().to_owned(),
        }
    }
}

impl FromStr for PluginReference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let reference = Reference::try_from(text).map_err(|_| NotAReference::Malformed)?;
        if !text.strip_prefix(reference.registry()).is_some_and(|rest| rest.starts_with('/')) {
            return Err(NotAReference::NoRegistry);
        }
        // The grammar's own parser assumes `latest`.
        let is_assumed = reference.tag().is_some_and(|tag| !text.contains(&format!(":{tag}")));
        if is_assumed {
            return Err(NotAReference::NoTag);
        }
        let digest =
            reference.digest().map(str::parse).transpose().map_err(|_| NotAReference::OtherDigest)?;
        Ok(Self { reference, digest })
    }
}

impl fmt::Display for PluginReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference.fmt(f)
    }
}

/// Returns the host at which a registry is reached, which for one of them is not its name; `None` if `registry` is not a
/// registry's name.
pub(crate) fn address(registry: &str) -> Option<String> {
    let reference = Reference::try_from(format!("{registry}/any:any")).ok()?;
    (reference.registry() == registry).then(|| reference.resolve_registry().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7";

    fn parsed(text: &str) -> Result<PluginReference, NotAReference> {
        text.parse()
    }

    #[test]
    fn a_reference_has_a_registry_and_a_tag_or_a_digest() {
        let tagged = parsed("registry.example.com:5000/plugins/iterable:1.2").unwrap();
        assert_eq!(tagged.registry(), "registry.example.com:5000");
        assert_eq!(tagged.repository(), "plugins/iterable");
        assert_eq!((tagged.tag(), tagged.digest()), (Some("1.2"), None));
        assert_eq!(tagged.manifest_name(), "1.2");

        let digest = Digest([0xa7; 32]);
        let pinned = parsed(&format!("localhost/iterable@{DIGEST}")).unwrap();
        assert_eq!((pinned.tag(), pinned.digest()), (None, Some(digest)));
        assert_eq!(
            tagged.pinned(digest).to_string(),
            format!("registry.example.com:5000/plugins/iterable@{DIGEST}")
        );
    }

    #[test]
    fn a_digest_counts_more_than_a_tag() {
        let both = parsed(&format!("localhost/iterable:1.2@{DIGEST}")).unwrap();
        assert_eq!(both.manifest_name(), DIGEST);
    }

    #[test]
    fn neither_a_registry_nor_a_tag_is_assumed() {
        for (text, why) in [
            ("iterable:1.2", NotAReference::NoRegistry),
            ("plugins/iterable:1.2", NotAReference::NoRegistry),
            ("registry.example.com:5000", NotAReference::NoRegistry),
            ("registry.example.com/iterable", NotAReference::NoTag),
            ("registry.example.com:5000/latest/iterable", NotAReference::NoTag),
            ("", NotAReference::Malformed),
            ("https://registry.example.com/iterable:1", NotAReference::Malformed),
            ("registry.example.com/iterable:1?x", NotAReference::Malformed),
            ("registry.example.com/../iterable:1", NotAReference::Malformed),
            ("registry.example.com/iterable@sha256:a7", NotAReference::Malformed),
            (&format!("localhost/iterable@sha512:{}", "a7".repeat(64)), NotAReference::OtherDigest),
        ] {
            assert_eq!(parsed(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_registry_is_a_host_with_at_most_a_port() {
        assert_eq!(address("localhost:5000").as_deref(), Some("localhost:5000"));
        assert_eq!(address("127.0.0.1:5000").as_deref(), Some("127.0.0.1:5000"));
        for wrong in [
            "",
            "registry",
            "registry.example.com/plugins",
            "https://registry.example.com",
            "a.b@c.d",
            "a.b:x",
        ] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
