//! The functions that a component exports for each capability, located once.
//! Tested in `tests/all/load`.

use std::sync::Arc;

use wasmtime::{component::Component, error::Context as _};

use crate::{
    bindings::{
        Function, Versioned,
        contract::types::{Error, Preference, Settings, Subject},
        exports::{connector, consent, erasure, webhook_token, webhook_verify},
        v0_1_0::{self, Verdict},
    },
    sandbox::instance::Sandbox,
};
use host_model::contract::{ContractVersion, Interface};

/// A function of a capability, whose first argument is the connection's settings and which may fail.
type ConnectionFunction<P, R> = Function<P, Result<R, Error>>;

/// The functions of every capability that a component exports.
pub(crate) struct Exports {
    connector: Connector,
    erasure: Option<Erasure>,
    consent: Option<Consent>,
    webhook_verify: Option<WebhookVerify>,
    webhook_token: Option<WebhookToken>,
}

/// Declares a capability with its functions.
macro_rules! capability {
    ($name:ident { $($function:ident: $call:literal => $type:ty,)* }) => {
        pub(crate) struct $name {
            $(pub(crate) $function: $type,)*
        }

        impl $name {
            fn find(component: &Component, version: ContractVersion) -> wasmtime::Result<Self> {
                Ok(Self {
                    $($function: <$type>::find(component, version, Interface::$name, $call)?,)*
                })
            }

            fn check(&self, sandbox: &mut Sandbox) -> wasmtime::Result<()> {
                $(self.$function.check(sandbox)
                    .with_context(|| format!("its export {}: {}", Interface::$name, $call))?;)*
                Ok(())
            }
        }
    };
}

capability!(Connector {
    describe: "describe" => Versioned<(), v0_1_0::Manifest>,
    test_connection: "test-connection" => ConnectionFunction<(Arc<Settings>,), Vec<connector::Check>>,
});

capability!(Erasure {
    erase: "erase" => ConnectionFunction<(Arc<Settings>, Subject), erasure::Receipt>,
    confirm: "confirm" => ConnectionFunction<(Arc<Settings>, Vec<erasure::PendingErasure>), Vec<erasure::Receipt>>,
});

capability!(Consent {
    list_items: "list-items" => ConnectionFunction<(Arc<Settings>,), Vec<consent::Item>>,
    current: "current" => ConnectionFunction<(Arc<Settings>, Subject), Option<Vec<consent::Held>>>,
    apply: "apply" => ConnectionFunction<(Arc<Settings>, Subject, Vec<Preference>), consent::Report>,
});

capability!(WebhookVerify {
    verify: "verify" => Versioned<(Arc<Settings>, webhook_verify::Delivery), Result<Verdict, Error>>,
});

capability!(WebhookToken {
    install: "install" => ConnectionFunction<(Arc<Settings>,), webhook_token::Outcome>,
});

impl Exports {
    /// Finds the functions of the `offered` interfaces under their names in `version`.
    pub(super) fn find(
        component: &Component,
        version: ContractVersion,
        offered: &[Interface],
    ) -> wasmtime::Result<Self> {
        let has = |interface| offered.contains(&interface);
        Ok(Self {
            connector: Connector::find(component, version)?,
            erasure: has(Interface::Erasure).then(|| Erasure::find(component, version)).transpose()?,
            consent: has(Interface::Consent).then(|| Consent::find(component, version)).transpose()?,
            webhook_verify: has(Interface::WebhookVerify)
                .then(|| WebhookVerify::find(component, version))
                .transpose()?,
            webhook_token: has(Interface::WebhookToken)
                .then(|| WebhookToken::find(component, version))
                .transpose()?,
        })
    }

    pub(super) fn describe(&self) -> &Versioned<(), v0_1_0::Manifest> {
        &self.connector.describe
    }

    #[expect(clippy::unnecessary_wraps, reason = "same signature as for the optional capabilities")]
    pub(crate) fn connector(&self) -> Option<&Connector> {
        Some(&self.connector)
    }

    pub(crate) fn erasure(&self) -> Option<&Erasure> {
        self.erasure.as_ref()
    }

    pub(crate) fn consent(&self) -> Option<&Consent> {
        self.consent.as_ref()
    }

    pub(crate) fn webhook_verify(&self) -> Option<&WebhookVerify> {
        self.webhook_verify.as_ref()
    }

    pub(crate) fn webhook_token(&self) -> Option<&WebhookToken> {
        self.webhook_token.as_ref()
    }

    /// Type-checks every function against the contract.
    pub(super) fn check(&self, sandbox: &mut Sandbox) -> wasmtime::Result<()> {
        let Self { connector, erasure, consent, webhook_verify, webhook_token } = self;
        connector.check(sandbox)?;
        erasure.as_ref().map_or(Ok(()), |found| found.check(sandbox))?;
        consent.as_ref().map_or(Ok(()), |found| found.check(sandbox))?;
        webhook_verify.as_ref().map_or(Ok(()), |found| found.check(sandbox))?;
        webhook_token.as_ref().map_or(Ok(()), |found| found.check(sandbox))
    }
}
