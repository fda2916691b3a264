//! Links the contract's imports under the names of every version that this host serves.
//! Tested in `tests/all/load/versions.rs`.

use strum::VariantArray;
use wasmtime::{StoreContextMut, component::Linker};

use super::generated::contract::{credentials, http, log};
use crate::sandbox::state::CallState;
use host_model::contract::ContractVersion;

/// Creates a linker with every import of every version. All versions have the same imports, so each is one Rust
/// function under several names.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    for version in ContractVersion::VARIANTS {
        link(&mut linker, *version)?;
    }
    Ok(linker)
}

fn link(linker: &mut Linker<CallState>, version: ContractVersion) -> wasmtime::Result<()> {
    linker.instance(&version.full_name("types"))?;
    linker.instance(&version.full_name("http"))?.func_wrap_async(
        "send",
        |mut store: StoreContextMut<'_, CallState>, (request,): (http::Request,)| {
            Box::new(async move { Ok((http::Host::send(store.data_mut(), request).await?,)) })
        },
    )?;
    let mut credentials = linker.instance(&version.full_name("credentials"))?;
    credentials.func_wrap(
        "accepts-webhook-token",
        |mut store: StoreContextMut<'_, CallState>, (presented,): (String,)| {
            Ok((credentials::Host::accepts_webhook_token(store.data_mut(), presented)?,))
        },
    )?;
    credentials.func_wrap(
        "accepts-hmac",
        |mut store: StoreContextMut<'_, CallState>,
         (hash, secret, form, message, signature): (
            credentials::Hash,
            String,
            credentials::KeyForm,
            Vec<u8>,
            Vec<u8>,
        )| {
            let state = store.data_mut();
            Ok((credentials::Host::accepts_hmac(state, hash, secret, form, message, signature)?,))
        },
    )?;
    linker.instance(&version.full_name("log"))?.func_wrap(
        "write",
        |mut store: StoreContextMut<'_, CallState>, (level, message): (log::Level, String)| {
            log::Host::write(store.data_mut(), level, message)
        },
    )
}
