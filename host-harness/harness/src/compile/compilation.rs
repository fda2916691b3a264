//! Where components are compiled, and where their code is kept.
//! Processes are tested in `tests/all/load/compile.rs`.

use std::time::Instant;

use tokio::task::spawn_blocking;
use wasmtime::component::Component;

use super::{
    cache::CodeCache, code::CompiledCode, entry::CodeId, error::CompileError, limits::CompileLimits,
    parent::CompilingProgram, target::CompileTarget,
};
use host_model::digest::Digest;

/// What compiles.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// This process, on a thread of its own and without limits: a component can take any time and memory, and a crash of
    /// the compiler ends the process. For programs that load only components that they trust to that extent.
    #[default]
    InProcess,
    /// A child process with limits for each component.
    Child(CompilingProgram),
}

/// Where an engine's components are compiled, and where their code is kept.
#[derive(Clone, Debug, Default)]
pub struct Compilation {
    /// What compiles.
    pub compiler: Compiler,
    /// The limits of a child process.
    pub limits: CompileLimits,
    /// The code of earlier starts; `None` to compile each time.
    pub cache: Option<CodeCache>,
}

impl Compilation {
    /// Returns a component ready for `target`: from the cache, or compiled and then kept there.
    pub(crate) async fn component(
        &self,
        target: CompileTarget,
        digest: Digest,
        bytes: Vec<u8>,
    ) -> Result<Component, CompileError> {
        let id = CodeId { component: digest, compatibility: target.compatibility };
        if let Some(cache) = self.cache.clone() {
            let target = target.clone();
            if let Some(component) = on_its_thread(move || cached(&cache, &id, &target)).await? {
                tracing::debug!(%digest, "compiled component found in the cache");
                return Ok(component);
            }
        }
        let begun = Instant::now();
        let code = self.compile(&target, bytes).await?;
        tracing::debug!(%digest, ms = begun.elapsed().as_millis(), "component compiled");
        let cache = self.cache.clone();
        on_its_thread(move || {
            let component = target.load(&code).map_err(CompileError::Refused)?;
            if let Some(cache) = cache {
                cache.put(&id, &code);
            }
            Ok(component)
        })
        .await?
    }

    async fn compile(&self, target: &CompileTarget, bytes: Vec<u8>) -> Result<CompiledCode, CompileError> {
        match &self.compiler {
            Compiler::InProcess => {
                let target = target.clone();
                on_its_thread(move || target.compile(&bytes)).await?.map_err(CompileError::Refused)
            }
            Compiler::Child(program) => program.compile(target, &self.limits, &bytes).await,
        }
    }
}

fn cached(cache: &CodeCache, id: &CodeId, target: &CompileTarget) -> Option<Component> {
    let code = cache.get(id)?;
    let loaded = target.load(&code);
    loaded.map_err(|error| tracing::warn!(error, "cached code does not load; it is compiled again")).ok()
}

/// Runs `work`, which may take long, on a separate thread. A panic of the compiler ends there.
pub(crate) async fn on_its_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CompileError> {
    spawn_blocking(work)
        .await
        .map_err(|ended| if ended.is_panic() { CompileError::Failed } else { CompileError::Interrupted })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        compile::CodeKey,
        engine::settings::{BacktraceDetail, settings_of_code},
    };

    /// The smallest component.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn target(detail: BacktraceDetail) -> CompileTarget {
        CompileTarget::new(wasmtime::Engine::new(&settings_of_code(detail)).unwrap(), detail)
    }

    /// Compiles nothing, so that only the cache can have the code.
    fn without_compiler(cache: &CodeCache) -> Compilation {
        let compiler = Compiler::Child(CompilingProgram::new("/nonexistent", [""; 0]));
        Compilation { compiler, cache: Some(cache.clone()), ..Compilation::default() }
    }

    async fn is_cached(cache: &CodeCache, detail: BacktraceDetail) -> bool {
        let loaded = without_compiler(cache).component(target(detail), Digest([1; 32]), EMPTY.to_vec()).await;
        match loaded {
            Ok(_) => true,
            Err(CompileError::Unusable(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    #[tokio::test]
    async fn what_was_compiled_once_is_loaded_until_its_entry_is_damaged() {
        let folder = TempDir::new().unwrap();
        let cache = CodeCache::new(folder.path(), CodeKey::new(Zeroizing::new([7; 32])));
        assert!(!is_cached(&cache, BacktraceDetail::Names).await);
        let compilation = Compilation { cache: Some(cache.clone()), ..Compilation::default() };
        let compile = async || {
            let target = target(BacktraceDetail::Names);
            compilation.component(target, Digest([1; 32]), EMPTY.to_vec()).await.unwrap();
        };
        compile().await;
        assert!(is_cached(&cache, BacktraceDetail::Names).await);
        assert!(!is_cached(&cache, BacktraceDetail::Lines).await);
        let entry = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let mut damaged = std::fs::read(&entry).unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        std::fs::write(&entry, damaged).unwrap();
        assert!(!is_cached(&cache, BacktraceDetail::Names).await);
        compile().await;
        assert!(is_cached(&cache, BacktraceDetail::Names).await);
    }

    /// Someone with the key could do that, and so could a defect.
    #[tokio::test]
    async fn an_authentic_entry_that_is_no_code_is_compiled_again() {
        let folder = TempDir::new().unwrap();
        let cache = CodeCache::new(folder.path(), CodeKey::new(Zeroizing::new([7; 32])));
        let target = target(BacktraceDetail::Names);
        let id = CodeId { component: Digest([1; 32]), compatibility: target.compatibility };
        cache.put(&id, &CompiledCode::authenticated(b"no code".to_vec()));
        assert!(!is_cached(&cache, BacktraceDetail::Names).await);
    }

    #[tokio::test]
    async fn a_panic_of_the_compiler_is_an_error_of_its_own() {
        let ended = on_its_thread(|| panic!("invalid adapter module generated")).await;
        let Err(CompileError::Failed) = ended else { panic!("{ended:?}") };
    }
}
