//! Reads a request's JSON body and reports the path of an invalid field.

use serde_json::{Map, Value};

use crate::refusal::{BadField, ExpectedType, Refusal};

/// An object within a body, with its path.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The body itself.
    pub(crate) fn of(body: Option<&'a Value>) -> Result<Self, Refusal> {
        let body = body.ok_or(Refusal::BadBody(None))?;
        let map = body.as_object().ok_or_else(|| wrong("obj".to_owned(), ExpectedType::Object))?;
        Ok(Self { map, path: "obj".to_owned() })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.read(name, ExpectedType::Text, Value::as_str)
    }

    pub(crate) fn bool(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.read(name, ExpectedType::Bool, Value::as_bool)
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.read(name, ExpectedType::Number, Value::as_i64)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
        self.read(name, ExpectedType::Object, Value::as_object)
    }

    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Result<Option<&'a str>, Refusal> {
        self.read(name, ExpectedType::Word, |value| value.as_str().filter(|word| words.contains(word)))
    }

    pub(crate) fn integers(&self, name: &str) -> Result<Option<Vec<i64>>, Refusal> {
        self.list(name, ExpectedType::Number, Value::as_i64)
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        self.list(name, ExpectedType::Text, |value| value.as_str().map(str::to_owned))
    }

    /// Reads an array of objects.
    pub(crate) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, Refusal> {
        let Some(items) = self.read(name, ExpectedType::Array, Value::as_array)? else { return Ok(None) };
        let read = |(index, item): (usize, &'a Value)| {
            let path = format!("{}.{name}[{index}]", self.path);
            match item.as_object() {
                Some(map) => Ok(Self { map, path }),
                None => Err(wrong(path, ExpectedType::Object)),
            }
        };
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// Returns the value read from `name`, or a refusal that reports it as missing.
    pub(crate) fn required<T>(&self, name: &str, read: Option<T>) -> Result<T, Refusal> {
        read.ok_or_else(|| Refusal::BadBody(Some(BadField { path: self.at(name), wanted: None })))
    }

    fn list<T>(
        &self,
        name: &str,
        wanted: ExpectedType,
        take: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Refusal> {
        let Some(items) = self.read(name, ExpectedType::Array, Value::as_array)? else { return Ok(None) };
        let read = |(index, item): (usize, &Value)| {
            take(item).ok_or_else(|| wrong(format!("{}[{index}]", self.at(name)), wanted))
        };
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// Reads a field. Absent and null are treated alike.
    fn read<T>(
        &self,
        name: &str,
        wanted: ExpectedType,
        take: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => take(value).map(Some).ok_or_else(|| wrong(self.at(name), wanted)),
        }
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}

fn wrong(path: String, wanted: ExpectedType) -> Refusal {
    Refusal::BadBody(Some(BadField { path, wanted: Some(wanted) }))
}
