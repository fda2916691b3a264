//! An exported function of a component: located and type-checked at load time, and called by its index.
//! Tested in `tests/all/load`.

use std::marker::PhantomData;

use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, Lift, Lower};

use crate::sandbox::instance::Sandbox;
use host_model::contract::{ContractVersion, Interface};

/// The return type of a function.
pub(crate) trait FunctionResult: Lift + Send + Sync + 'static {}
impl<R: Lift + Send + Sync + 'static> FunctionResult for R {}

/// The argument tuple of a function.
pub(crate) trait FunctionArguments: ComponentNamedList + Lower + Send + Sync + 'static {}
impl<P: ComponentNamedList + Lower + Send + Sync + 'static> FunctionArguments for P {}

/// A contract function that takes `P` and returns `R` in every version.
pub(crate) struct Function<P, R> {
    index: ComponentExportIndex,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for Function<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for Function<P, R> {}

impl<P: FunctionArguments, R: FunctionResult> Function<P, R> {
    /// Finds the function `name` of `interface` in the exports of `component`.
    pub(crate) fn find(
        component: &Component,
        version: ContractVersion,
        interface: Interface,
        name: &str,
    ) -> wasmtime::Result<Self> {
        let missing = || wasmtime::format_err!("its export {interface} has no function {name}");
        let instance =
            component.get_export_index(None, version.export(interface).as_str()).ok_or_else(missing)?;
        let index = component.get_export_index(Some(&instance), name).ok_or_else(missing)?;
        Ok(Self { index, types: PhantomData })
    }

    /// Checks that its type matches the contract.
    pub(crate) fn check(&self, sandbox: &mut Sandbox) -> wasmtime::Result<()> {
        sandbox.instance.get_typed_func::<P, (R,)>(&mut sandbox.store, self.index).map(drop)
    }

    /// Calls it in `sandbox`.
    pub(crate) async fn call(&self, sandbox: &mut Sandbox, arguments: P) -> wasmtime::Result<R> {
        let function = sandbox.instance.get_typed_func::<P, (R,)>(&mut sandbox.store, self.index)?;
        let (answer,) = function.call_async(&mut sandbox.store, arguments).await?;
        Ok(answer)
    }
}

/// A return type of an earlier version.
pub(crate) trait EarlierResult: FunctionResult {
    /// The return type in the current version.
    type Current: FunctionResult;
    /// Converts the answer to the current version.
    fn into_current(self) -> Self::Current;
}

/// A function that returned `E` in an earlier version.
pub(crate) enum Versioned<P, E>
where
    E: EarlierResult,
{
    /// As in 0.1.0.
    V0_1_0(Function<P, E>),
    /// As in the current version.
    Current(Function<P, E::Current>),
}

impl<P: FunctionArguments, E: EarlierResult> Versioned<P, E> {
    /// Finds the function `name` of `interface` in the exports of `component`.
    pub(crate) fn find(
        component: &Component,
        version: ContractVersion,
        interface: Interface,
        name: &str,
    ) -> wasmtime::Result<Self> {
        Ok(match version {
            ContractVersion::V0_1_0 => Self::V0_1_0(Function::find(component, version, interface, name)?),
            ContractVersion::V0_2_0 => Self::Current(Function::find(component, version, interface, name)?),
        })
    }

    /// Checks that its type matches its version of the contract.
    pub(crate) fn check(&self, sandbox: &mut Sandbox) -> wasmtime::Result<()> {
        match self {
            Self::V0_1_0(function) => function.check(sandbox),
            Self::Current(function) => function.check(sandbox),
        }
    }

    /// Calls it in `sandbox`.
    pub(crate) async fn call(&self, sandbox: &mut Sandbox, arguments: P) -> wasmtime::Result<E::Current> {
        match self {
            Self::V0_1_0(function) => Ok(function.call(sandbox, arguments).await?.into_current()),
            Self::Current(function) => function.call(sandbox, arguments).await,
        }
    }
}
