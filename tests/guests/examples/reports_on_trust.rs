//! Same as `reports`, and its manifest exempts every outcome.

use test_guests::{
    base::{
        exports::privacy::saas_connector::connector::{
            Check, Claim, Error, Exemption, Guest, Manifest, Settings,
        },
        privacy::saas_connector::types::{Preference, Subject},
    },
    consent::exports::privacy::saas_connector::consent::{self, Held, Item, Report},
    erasure::exports::privacy::saas_connector::erasure::{self, PendingErasure, Receipt},
    reports,
    webhook_token::exports::privacy::saas_connector::webhook_token::{self, Outcome},
};

struct ReportsOnTrust;

impl Guest for ReportsOnTrust {
    fn describe() -> Manifest {
        let exemption = |claim| Exemption { claim, reason: "This vendor has no such request.".to_owned() };
        Manifest {
            proves_without: [
                Claim::EraseAccepted,
                Claim::EraseErased,
                Claim::EraseNotFound,
                Claim::ConfirmErased,
                Claim::ConfirmNotFound,
                Claim::ApplyApplied,
                Claim::ApplyUnchanged,
                Claim::ApplyPending,
                Claim::CurrentRead,
                Claim::TokenInstalled,
            ]
            .map(exemption)
            .to_vec(),
            ..reports::manifest("reports")
        }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(reports::checks())
    }
}

impl erasure::Guest for ReportsOnTrust {
    fn erase(settings: Settings, _: Subject) -> Result<Receipt, Error> {
        Ok(reports::receipt(&settings))
    }

    fn confirm(settings: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        Ok(vec![reports::receipt(&settings); erasures.len()])
    }
}

impl consent::Guest for ReportsOnTrust {
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

impl webhook_token::Guest for ReportsOnTrust {
    fn install(settings: Settings) -> Result<Outcome, Error> {
        Ok(reports::installed(&settings))
    }
}

test_guests::base::export!(ReportsOnTrust);
test_guests::erasure::export!(ReportsOnTrust);
test_guests::consent::export!(ReportsOnTrust);
test_guests::webhook_token::export!(ReportsOnTrust);
