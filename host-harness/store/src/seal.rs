//! Sealing: secrets and personal data in the database cannot be read without the master key.
//!
//! XChaCha20-Poly1305 with a random 192-bit nonce. Each value is bound to its place by a context, so that the value of
//! one row does not open in another. Layout: nonce, then ciphertext with its tag.

use base64::{Engine as _, prelude::BASE64_STANDARD as STANDARD};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    columns::{Column, column},
    error::{StoreError, Unsealable},
    keyed::{KEY_BYTES, keyed},
    mac::{MacKey, RowMac, RowMessage},
    person::PersonId,
    person_hash::{PersonHash, PersonHashKey},
};
use host_model::{contract::Identifier, secret::Secret};

const NONCE_BYTES: usize = 24;

/// The text is not a master key. The error does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a master key of 64 hexadecimal digits, found {found} characters: create one with `connector-host \
     new-master-key`"
)]
pub struct NotAMasterKey {
    /// The number of characters in the text.
    pub found: usize,
}

/// The key under which everything else is sealed: 256 bits, kept outside the database.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[master key]")
    }
}

impl MasterKey {
    /// Parses a master key in hexadecimal.
    pub fn read(text: &Secret) -> Result<Self, NotAMasterKey> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let text = text.expose().trim();
        hex::decode_to_slice(text, key.as_mut_slice())
            .map_err(|_| NotAMasterKey { found: text.chars().count() })?;
        Ok(Self(key))
    }

    /// Returns a vault that seals and opens values with this key.
    pub fn vault(&self) -> Vault {
        let sealer = Sealer(XChaCha20Poly1305::new(Key::from_slice(self.0.as_slice())));
        Vault { sealer, macs: MacKey::of(&self.0), people: PersonHashKey::of(&self.0) }
    }

    /// Derives the key that authenticates the compiled code of plugins.
    pub fn code_key(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(keyed(&self.0, &[b"compiled code"]))
    }
}

/// Seals and opens values with the master key, and authenticates rows.
#[derive(Clone)]
pub struct Vault {
    sealer: Sealer,
    macs: MacKey,
    people: PersonHashKey,
}

/// The key for the data of a single request. Destroying the key destroys the data sealed with it.
pub struct DataKey(Sealer);

/// A tenant's key for hashing people's identifiers.
pub struct PersonKey(Zeroizing<[u8; KEY_BYTES]>);

/// A person's identifier as a keyed hash, which does not reveal the person without the tenant's key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::FromRow)]
pub struct PersonName {
    /// The keyed hash of its kind and value.
    #[sqlx(rename = "name", try_from = "Column<[u8; 32]>")]
    pub digest: [u8; 32],
    /// The identifier's kind, such as `email`.
    pub kind: String,
}

column!([u8; 32]: Vec<u8>, |bytes| {
    bytes.try_into().map_err(|_| StoreError::Unreadable("a person's name".to_owned()))
});

#[derive(Clone)]
struct Sealer(XChaCha20Poly1305);

impl Vault {
    /// Seals `plain` for the place that `context` names.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        self.sealer.seal(context, plain)
    }

    /// Opens a value that was sealed for that place.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        self.sealer.open(context, sealed)
    }

    /// Seals `value` as JSON for the place that `context` names. An error names the place but does not quote the value.
    pub fn seal_json(&self, context: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        self.sealer.seal_json(context, value)
    }

    /// Opens a value that was sealed for that place as JSON. An error names the place but does not quote the value.
    pub fn open_json<T: DeserializeOwned>(&self, context: &str, sealed: &[u8]) -> Result<T, StoreError> {
        self.sealer.open_json(context, sealed)
    }

    /// Returns the secret that signs the callbacks of the API key with this id, as Standard Webhooks writes it. Derived
    /// from the master key, so that it is stored nowhere.
    pub fn callback_secret(&self, api_key: &str) -> Option<Secret> {
        let RowMac(code) = self.row("callback signature").text(api_key).mac();
        Secret::new(format!("whsec_{}", STANDARD.encode(code.get(1..)?)))
    }

    /// Returns the short hash that stands for `person` of the connection with the key `connection`.
    pub fn person_hash(&self, tenant: &str, connection: &str, person: PersonId) -> PersonHash {
        self.people.hash(tenant, connection, person)
    }

    /// Begins the message of a row of this kind, to authenticate it.
    pub(crate) fn row(&self, kind: &str) -> RowMessage {
        self.macs.row(kind)
    }

    /// Creates a data key. Also returns it sealed for the place that `context` names, for storage.
    pub fn new_data_key(&self, context: &str) -> Result<(DataKey, Vec<u8>), Unsealable> {
        let key = random()?;
        let sealed = self.seal(context, key.as_slice())?;
        Ok((DataKey::of(key), sealed))
    }

    /// Opens a data key that was sealed for that place.
    pub fn data_key(&self, context: &str, sealed: &[u8]) -> Result<DataKey, Unsealable> {
        Ok(DataKey::of(self.key(context, sealed)?))
    }

    /// Creates a key for hashing the identifiers of the people of `tenant`. Also returns it sealed, for storage.
    pub fn new_person_key(&self, tenant: &str) -> Result<(PersonKey, Vec<u8>), Unsealable> {
        let key = random()?;
        let sealed = self.seal(&tenant_context(tenant), key.as_slice())?;
        Ok((PersonKey(key), sealed))
    }

    /// Opens the key for hashing the identifiers of the people of `tenant`.
    pub fn person_key(&self, tenant: &str, sealed: &[u8]) -> Result<PersonKey, Unsealable> {
        Ok(PersonKey(self.key(&tenant_context(tenant), sealed)?))
    }

    fn key(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, Unsealable> {
        let opened = self.open(context, sealed)?;
        let bytes: [u8; KEY_BYTES] = opened.as_slice().try_into().map_err(|_| Unsealable)?;
        Ok(Zeroizing::new(bytes))
    }
}

impl DataKey {
    #[expect(clippy::needless_pass_by_value, reason = "the key's bytes are wiped here")]
    fn of(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(Sealer(XChaCha20Poly1305::new(Key::from_slice(bytes.as_slice()))))
    }

    /// Seals `plain` for the place that `context` names.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        self.0.seal(context, plain)
    }

    /// Opens a value that was sealed for that place.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        self.0.open(context, sealed)
    }

    /// Seals `value` as JSON for the place that `context` names. An error names the place but does not quote the value.
    pub fn seal_json(&self, context: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        self.0.seal_json(context, value)
    }

    /// Opens a value that was sealed for that place as JSON. An error names the place but does not quote the value.
    pub fn open_json<T: DeserializeOwned>(&self, context: &str, sealed: &[u8]) -> Result<T, StoreError> {
        self.0.open_json(context, sealed)
    }
}

impl PersonKey {
    /// Returns the keyed hash of `identifier`: its kind and its value without surrounding whitespace. Email addresses
    /// are case-insensitive; all other kinds, such as user ids, are case-sensitive.
    pub fn name(&self, identifier: &Identifier) -> PersonName {
        let value = identifier.value.trim();
        let value = if identifier.kind == "email" { value.to_lowercase() } else { value.to_owned() };
        let digest = keyed(&self.0, &[identifier.kind.as_bytes(), value.as_bytes()]);
        PersonName { digest, kind: identifier.kind.clone() }
    }

    /// Returns the keyed hash of `message`.
    pub fn digest(&self, message: &[u8]) -> [u8; 32] {
        keyed(&self.0, &[b"message", message])
    }
}

impl Sealer {
    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| Unsealable)?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| Unsealable)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(Unsealable)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let opened = self.0.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| Unsealable)?;
        Ok(Zeroizing::new(opened))
    }

    // Serde's error messages could quote the value.
    fn seal_json(&self, context: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        let plain = serde_json::to_vec(value)
            .map_err(|_| StoreError::Unreadable(format!("the value to be sealed as {context:?}")))?;
        Ok(self.seal(context, &Zeroizing::new(plain))?)
    }

    fn open_json<T: DeserializeOwned>(&self, context: &str, sealed: &[u8]) -> Result<T, StoreError> {
        let plain = self.open(context, sealed)?;
        serde_json::from_slice(&plain)
            .map_err(|_| StoreError::Unreadable(format!("the value sealed as {context:?}")))
    }
}

/// Returns the place of the key of `tenant`.
fn tenant_context(tenant: &str) -> String {
    format!("tenant {tenant}")
}

fn random() -> Result<Zeroizing<[u8; KEY_BYTES]>, Unsealable> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(key.as_mut_slice()).map_err(|_| Unsealable)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(digit: &str) -> Vault {
        MasterKey::read(&Secret::new(digit.repeat(64)).unwrap()).unwrap().vault()
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_under_its_own_key_and_uncut() {
        let sealed = vault("a").seal("connection newsletter", b"k-123").unwrap();
        assert_eq!(vault("a").open("connection newsletter", &sealed).unwrap().as_slice(), b"k-123");
        assert_eq!(vault("a").open("connection other", &sealed), Err(Unsealable));
        assert_eq!(vault("b").open("connection newsletter", &sealed), Err(Unsealable));
        for cut in 0..sealed.len() {
            assert_eq!(vault("a").open("connection newsletter", &sealed[..cut]), Err(Unsealable), "{cut}");
        }
    }

    #[test]
    fn sealing_twice_looks_different() {
        let vault = vault("a");
        assert_ne!(vault.seal("place", b"k-123").unwrap(), vault.seal("place", b"k-123").unwrap());
    }

    #[test]
    fn a_data_key_that_was_kept_opens_what_it_sealed() {
        let vault = vault("a");
        let (key, kept) = vault.new_data_key("request 1").unwrap();
        let sealed = key.seal("details", b"ada").unwrap();
        let again = vault.data_key("request 1", &kept).unwrap();
        assert_eq!(again.open("details", &sealed).unwrap().as_slice(), b"ada");
        assert_eq!(vault.data_key("request 2", &kept).err(), Some(Unsealable));
    }

    #[test]
    fn what_was_sealed_as_json_opens_as_it_was_and_an_error_names_its_place_and_quotes_nothing() {
        let vault = vault("a");
        let (key, _) = vault.new_data_key("request 1").unwrap();
        let ada = ("email".to_owned(), "ada@example.com".to_owned());
        let sealed = [vault.seal_json("place 1", &ada).unwrap(), key.seal_json("place 1", &ada).unwrap()];
        let opened = [
            vault.open_json("place 1", &sealed[0]),
            key.open_json::<(String, String)>("place 1", &sealed[1]),
        ];
        assert_eq!(opened.map(Result::unwrap), [ada.clone(), ada]);
        let other = vault.open_json::<(String, String)>("place 2", &sealed[0]).unwrap_err();
        assert!(matches!(other, StoreError::Unsealable(_)), "{other}");
        for unreadable in [
            vault.open_json::<Vec<u64>>("place 1", &sealed[0]).unwrap_err(),
            key.open_json::<Vec<u64>>("place 1", &sealed[1]).unwrap_err(),
        ] {
            let StoreError::Unreadable(what) = &unreadable else { panic!("{unreadable}") };
            assert_eq!(what, "the value sealed as \"place 1\"");
        }
    }

    #[test]
    fn a_person_has_one_name_however_written_and_another_with_another_tenant() {
        let vault = vault("a");
        let (acme, _) = vault.new_person_key("acme").unwrap();
        let (other, _) = vault.new_person_key("other").unwrap();
        let name = acme.name(&Identifier::new("email", "ada@example.com"));
        assert_eq!(acme.name(&Identifier::new("email", " Ada@Example.com ")), name);
        assert_ne!(acme.name(&Identifier::new("user-id", "ada@example.com")), name);
        let id = |value: &str| acme.name(&Identifier::new("user-id", value));
        assert_ne!(id("u-17"), id("U-17"), "user ids are case-sensitive");
        assert_ne!(other.name(&Identifier::new("email", "ada@example.com")), name);
    }

    #[test]
    fn a_master_key_is_hexadecimal_and_its_text_is_not_shown() {
        for text in ["abc", &"g".repeat(64), &"a".repeat(66)] {
            let error = MasterKey::read(&Secret::new(text).unwrap()).unwrap_err();
            assert_eq!(error, NotAMasterKey { found: text.len() });
            assert!(!error.to_string().contains(text));
        }
    }
}
