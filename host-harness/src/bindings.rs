//! The one door to generated code: the contract's types and calls, and their way to the host's own types.

mod from_guest;
mod to_guest;

use wasmtime::component::{HasSelf, Linker};

pub(crate) use from_guest::Bounded;
pub(crate) use generated::exports::privacy::saas_connector as exports;
pub(crate) use generated::privacy::saas_connector as contract;
pub(crate) use to_guest::{delivery, erasures, preferences, settings, subject};

use crate::sandbox::CallState;

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "saas-connector",
        imports: {
            "privacy:saas-connector/http.send": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

/// The package that a connector's imports belong to.
pub(crate) const PACKAGE: &str = "privacy:saas-connector/";

/// Every import of the contract, each once.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    generated::SaasConnector::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)?;
    Ok(linker)
}
