//! Sends a request in `describe`.

use test_guests::base::{
    exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Settings},
    privacy::saas_connector::http,
};

struct DescribeSends;

impl Guest for DescribeSends {
    fn describe() -> Manifest {
        let request =
            http::Request { operation: "look".to_owned(), values: Vec::new(), query: Vec::new(), body: None };
        let answered = http::send(&request).is_ok();
        test_guests::manifest(if answered { "answered" } else { "refused" })
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

test_guests::base::export!(DescribeSends);
