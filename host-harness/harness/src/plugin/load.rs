//! Loads a plugin from bytes: size, imports, exports, link, describe, manifest. Each error says what to change.
//! Tested in `tests/all/load`.

use std::{sync::Arc, time::Duration};

use wasmtime::component::{Component, InstancePre};

use super::{
    exports::Exports,
    format,
    load_error::LoadError,
    load_policy::{LoadPolicy, Wasi},
    loaded::Plugin,
    outline::Outline,
    surface::Surface,
};
use crate::{
    bindings::Bounded,
    compile::{
        compilation::on_its_thread,
        error::{CompileError, sentence},
    },
    connection::{CallLimits, Redactor},
    egress::Declaration,
    engine::Engine,
    sandbox::{
        call_subject::CallSubject,
        failure::{failure_of, too_slow_to_load},
        instance::Sandbox,
        masks::Masks,
        meter::Meter,
        state::CallState,
    },
};
use host_model::{contract::manifest::Manifest, digest::Digest};

impl Plugin {
    /// Loads a component, which is compiled as the engine is configured. Does not check who signed it: what comes from
    /// outside is loaded by a [`Host`](crate::host::Host).
    pub async fn load(engine: &Arc<Engine>, bytes: Vec<u8>, policy: &LoadPolicy) -> Result<Self, LoadError> {
        policy.check_size(bytes.len())?;
        format::check(&bytes)?;
        let Outline { imports, exports, parts } = Outline::read(&bytes)?;
        let Surface { contract, imports, offered, ignored } = Surface::of(imports, exports, policy.wasi)?;
        if let Some((part, found, allowed)) = parts.beyond(&engine.pool().limits) {
            return Err(LoadError::TooMany { part, found, allowed });
        }
        let (digest, size) = (Digest::of(&bytes), bytes.len());
        let component = engine.component(digest, bytes).await.map_err(not_compiled)?;
        let pre = link(engine, &component, policy.wasi)?;
        let exports = Exports::find(&component, contract, &offered)
            .map_err(|error| LoadError::Mismatch(sentence(&error)))?;
        let manifest = describe(engine, &pre, &exports, policy.describe).await?;
        // Takes seconds if the manifest is as large as permitted.
        let declaration = on_its_thread(move || Declaration::check(manifest)).await.map_err(not_compiled)?;
        let declaration = declaration.and_then(|declaration| declaration.offering(&offered));
        let declaration = Arc::new(declaration.map_err(LoadError::Manifest)?);
        component
            .initialize_copy_on_write_image()
            .map_err(|error| LoadError::NotAComponent(sentence(&error)))?;
        Ok(Self {
            pre,
            contract,
            exports,
            offered,
            imports,
            ignored,
            parts,
            digest,
            size,
            declaration,
            signed: None,
        })
    }
}

/// Creates the error for a component that was not compiled, or whose code does not fit the pool. Of the parts that have
/// limits, the compiler adds instances alone.
fn not_compiled(error: CompileError) -> LoadError {
    match error {
        CompileError::Refused(cause)
            if cause.contains("core module instances, which exceeds the configured maximum") =>
        {
            LoadError::TooManyAdapters { cause }
        }
        CompileError::Refused(cause) if cause.contains("instance size does not fit") => {
            LoadError::InstanceTooLarge { cause }
        }
        CompileError::Refused(cause) => LoadError::NotAComponent(cause),
        CompileError::Limit(limit) => LoadError::CompileLimit(limit),
        CompileError::Failed => LoadError::CompilerFailed,
        CompileError::Killed => LoadError::CompilerKilled,
        CompileError::Interrupted => LoadError::Interrupted,
        CompileError::Unusable(compiler) => LoadError::UnusableCompiler(compiler),
    }
}

fn link(engine: &Engine, component: &Component, wasi: Wasi) -> Result<InstancePre<CallState>, LoadError> {
    let mismatch = |error: wasmtime::Error| LoadError::Mismatch(sentence(&error));
    match wasi {
        Wasi::Refused => engine.contract().instantiate_pre(component).map_err(mismatch),
        Wasi::Trapped => engine
            .contract_with_traps(component)
            .map_err(mismatch)?
            .instantiate_pre(component)
            .map_err(mismatch),
    }
}

/// Starts the component once, checks its types, and calls its `describe` without access to any imports.
async fn describe(
    engine: &Engine,
    pre: &InstancePre<CallState>,
    exports: &Exports,
    patience: Duration,
) -> Result<Manifest, LoadError> {
    let meter = Arc::default();
    // A manifest is read by people, who do not read more than 256 KiB. All else is what the configuration allows a call.
    let limits = CallLimits { hostcall_bytes: 256 << 10, ..engine.pool().limits.clone() };
    let work = async {
        let _place = engine.calls().acquire().await;
        let mut sandbox = Sandbox::begin(pre, &limits, None, Arc::clone(&meter))
            .await
            .map_err(|error| undescribed(&error, &meter))?;
        exports.check(&mut sandbox).map_err(|error| LoadError::Mismatch(sentence(&error)))?;
        let described = exports.describe().call(&mut sandbox, ()).await;
        described.map_err(|error| undescribed(&error, &meter))
    };
    let described = tokio::time::timeout(patience, work)
        .await
        .map_err(|_| LoadError::Undescribed(too_slow_to_load(patience, &meter)))??;
    let masks = Masks::new(Redactor::default(), CallSubject::Nobody);
    described.bounded(&masks).map_err(|unfit| LoadError::Mismatch(unfit.to_string()))
}

/// Returns why the component did not describe itself, with the functions that it was in, for its author.
fn undescribed(error: &wasmtime::Error, meter: &Meter) -> LoadError {
    let mut failure = failure_of(error, meter);
    if !meter.frames().is_empty() {
        failure.detail = format!("{}, in {}", failure.detail, meter.frames().join(" < "));
    }
    LoadError::Undescribed(failure)
}
