//! Deserialization of numbers that must not be 0.

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Unexpected},
};

/// Deserializes a whole number above 0.
pub(crate) fn above_zero<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    let number = T::deserialize(from)?;
    if number == T::default() {
        return Err(D::Error::invalid_value(Unexpected::Unsigned(0), &"a whole number above 0"));
    }
    Ok(number)
}
