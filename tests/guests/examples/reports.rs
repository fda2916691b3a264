//! Reports the outcome of its settings, whatever the answers to its requests were: see `src/reports.rs`.

use test_guests::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Settings},
        privacy::saas_connector::types::{Preference, Subject},
    },
    consent::exports::privacy::saas_connector::consent::{self, Held, Item, Report},
    erasure::exports::privacy::saas_connector::erasure::{self, PendingErasure, Receipt},
    reports,
    webhook_token::exports::privacy::saas_connector::webhook_token::{self, Outcome},
};

struct Reports;

impl Guest for Reports {
    fn describe() -> Manifest {
        reports::manifest("reports")
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(reports::checks())
    }
}

impl erasure::Guest for Reports {
    fn erase(settings: Settings, _: Subject) -> Result<Receipt, Error> {
        Ok(reports::receipt(&settings))
    }

    fn confirm(settings: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        // The requests are sent once. Every second erasure has only been accepted.
        let receipt = reports::receipt(&settings);
        let accepted = Receipt { status: erasure::Status::Accepted, ..receipt.clone() };
        Ok((0..erasures.len())
            .map(|at| if at % 2 == 0 { receipt.clone() } else { accepted.clone() })
            .collect())
    }
}

impl consent::Guest for Reports {
    fn list_items(_: Settings) -> Result<Vec<Item>, Error> {
        Ok(Vec::new())
    }

    fn current(settings: Settings, _: Subject) -> Result<Option<Vec<Held>>, Error> {
        Ok(reports::held(&settings))
    }

    fn apply(settings: Settings, _: Subject, preferences: Vec<Preference>) -> Result<Report, Error> {
        Ok(reports::report(&settings, preferences))
    }
}

impl webhook_token::Guest for Reports {
    fn install(settings: Settings) -> Result<Outcome, Error> {
        Ok(reports::installed(&settings))
    }
}

test_guests::base::export!(Reports);
test_guests::erasure::export!(Reports);
test_guests::consent::export!(Reports);
test_guests::webhook_token::export!(Reports);
