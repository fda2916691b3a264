//! Declares two secrets, each of which is needed to fetch the other.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Capture, Check, Error, Guest, Manifest, Operation, Place, Settings,
    },
    parts::{field, operation, setting},
};

struct FetchesInCircles;

impl Guest for FetchesInCircles {
    fn describe() -> Manifest {
        Manifest {
            settings: vec![setting("domain")],
            operations: vec![
                exchange("hen", "{egg-secret}", "hen-secret"),
                exchange("egg", "{hen-secret}", "egg-secret"),
                with("asks", "{egg-secret}"),
            ],
            ..test_guests::manifest("fetches-in-circles")
        }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

fn with(name: &str, value: &str) -> Operation {
    Operation { fields: vec![field(Place::Header, "X-Key", value)], ..operation(name, "POST", "/asks") }
}

fn exchange(name: &str, needs: &str, captured: &str) -> Operation {
    let capture = Capture { field: "token".to_owned(), secret: captured.to_owned(), lifetime: None };
    Operation { used_by: Vec::new(), captures: vec![capture], ..with(name, needs) }
}

test_guests::base::export!(FetchesInCircles);
