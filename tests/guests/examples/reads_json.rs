//! Reads a delivery's body as JSON with the parser that connectors use. Reports how deeply it is nested, or why it
//! cannot be read.

use serde_json::Value;
use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest as Connector, Manifest, Settings,
    },
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{Delivery, Guest, Verdict},
};

struct ReadsJson;

impl Connector for ReadsJson {
    fn describe() -> Manifest {
        test_guests::manifest("reads-json")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

impl Guest for ReadsJson {
    fn verify(_: Settings, delivery: Delivery) -> Result<Verdict, Error> {
        Ok(Verdict::Unreadable(match serde_json::from_slice::<Value>(&delivery.body) {
            Ok(value) => format!("{} levels", levels(&value)),
            Err(error) => error.to_string(),
        }))
    }
}

fn levels(mut value: &Value) -> usize {
    let mut levels = 0;
    while let Some(inner) = value.as_array() {
        levels += 1;
        value = inner.first().unwrap_or(&Value::Null);
    }
    levels
}

test_guests::base::export!(ReadsJson);
test_guests::webhook_verify::export!(ReadsJson);
