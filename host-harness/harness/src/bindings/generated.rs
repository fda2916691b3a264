//! The code generated from the contract's files, for the single world that they describe.

pub(crate) use world::exports::privacy::saas_connector as exports;
pub(crate) use world::privacy::saas_connector as contract;

mod world {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "saas-connector",
        imports: {
            "privacy:saas-connector/http.send": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}
