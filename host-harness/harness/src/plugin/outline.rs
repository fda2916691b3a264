//! What a component declares, read from its bytes before anything is compiled.
//! Tested in `tests/all/load/parts.rs`.
//!
//! The reading takes time in proportion to the bytes: a nested component is counted once, however often it is
//! instantiated.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    Instance, Parser, Payload, TypeRef,
};

use super::{
    load_error::LoadError,
    parts::ComponentParts,
    type_depth::{self, TypeDepth},
};

/// Maximum depth of nested components, and of nested types. Compositions have two or three levels.
const MAX_DEPTH: usize = 16;

/// Maximum number of definitions once every nested component is expanded at each place where it is instantiated: the
/// compiler expands them. A Python runtime, the largest component known, has a few thousand.
const MAX_DEFINITIONS: u64 = 1_000_000;

/// What a component declares.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
    pub(super) parts: ComponentParts,
}

impl Outline {
    /// Reads `bytes`, which begin like a component. Not everything is validated: the compiler does that.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut outline = Self::default();
        let mut open = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(malformed)?;
            if let Payload::ComponentTypeSection(types) = &payload {
                let section = bytes.get(types.range()).unwrap_or_default();
                if type_depth::of_section(section, MAX_DEPTH).map_err(malformed)? == TypeDepth::Beyond {
                    return Err(LoadError::NestedTooDeep { allowed: MAX_DEPTH });
                }
            }
            outline.add(payload, &mut open)?;
        }
        Ok(outline)
    }

    fn add(&mut self, payload: Payload<'_>, open: &mut Vec<OpenScope>) -> Result<(), LoadError> {
        match payload {
            Payload::Version { encoding: wasmparser::Encoding::Module, .. } => {
                open.push(OpenScope::Module(CoreModule::default()));
            }
            Payload::Version { .. } => open.push(OpenScope::Component(NestedComponent::default())),
            Payload::End(_) => self.close(open)?,
            payload => match open.split_last_mut() {
                Some((OpenScope::Module(module), _)) => module.add(payload)?,
                Some((OpenScope::Component(nested), outer)) => {
                    if outer.is_empty() {
                        self.name(&payload)?;
                    }
                    nested.add(payload, outer)?;
                }
                None => {}
            },
        }
        if open.len() > MAX_DEPTH {
            return Err(LoadError::NestedTooDeep { allowed: MAX_DEPTH });
        }
        Ok(())
    }

    /// Records the names that the outermost component imports and exports.
    fn name(&mut self, payload: &Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    self.imports.push(import.map_err(malformed)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    self.exports.push(export.map_err(malformed)?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the innermost scope, which becomes a definition of the one around it.
    fn close(&mut self, open: &mut Vec<OpenScope>) -> Result<(), LoadError> {
        let ended = open.pop();
        match (ended, open.last_mut()) {
            (Some(OpenScope::Module(module)), Some(OpenScope::Component(around))) => {
                around.modules.push(module.checked()?);
            }
            (Some(OpenScope::Component(nested)), Some(OpenScope::Component(around))) => {
                around.components.push(Some(nested.size));
            }
            (Some(OpenScope::Component(outermost)), None) => self.parts = outermost.size.parts,
            _ => {}
        }
        Ok(())
    }
}

enum OpenScope {
    Module(CoreModule),
    Component(NestedComponent),
}

/// A core module.
#[derive(Default)]
struct CoreModule {
    /// The parts of one instance of it.
    parts: ComponentParts,
    imported_memories: u64,
}

impl CoreModule {
    fn add(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let is_memory = matches!(import.map_err(malformed)?.ty, TypeRef::Memory(_));
                    self.imported_memories += u64::from(is_memory);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory.map_err(malformed)?;
                    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
                    let memory_bytes = memory.initial.saturating_mul(page);
                    self.parts.add(&ComponentParts {
                        memories: 1,
                        memory_bytes,
                        ..ComponentParts::default()
                    });
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let table_elements = table.map_err(malformed)?.ty.initial;
                    self.parts.add(&ComponentParts {
                        tables: 1,
                        table_elements,
                        ..ComponentParts::default()
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the parts of an instance. Only the host's own adapters between components may use several memories.
    fn checked(self) -> Result<ComponentParts, LoadError> {
        let found = self.parts.memories.saturating_add(self.imported_memories);
        if found > 1 {
            return Err(LoadError::MemoriesInModule { found });
        }
        Ok(ComponentParts { core_instances: 1, ..self.parts })
    }
}

/// What an instance of a component takes.
#[derive(Clone, Copy, Default)]
struct InstanceSize {
    parts: ComponentParts,
    definitions: u64,
}

/// A component whose sections are being read, with the index spaces that instantiations refer to.
#[derive(Default)]
struct NestedComponent {
    modules: Vec<ComponentParts>,
    /// `None` for a component that is only known when the one around it is instantiated.
    components: Vec<Option<InstanceSize>>,
    size: InstanceSize,
}

impl NestedComponent {
    fn add(&mut self, payload: Payload<'_>, outer: &[OpenScope]) -> Result<(), LoadError> {
        let definitions = match payload {
            Payload::ComponentImportSection(imports) => {
                let count = imports.count();
                for import in imports {
                    self.receive(import.map_err(malformed)?.ty.kind());
                }
                count
            }
            Payload::ComponentAliasSection(aliases) => {
                let count = aliases.count();
                for alias in aliases {
                    self.alias(&alias.map_err(malformed)?, outer)?;
                }
                count
            }
            Payload::ComponentExportSection(exports) => {
                let count = exports.count();
                for export in exports {
                    let export = export.map_err(malformed)?;
                    self.define(export.kind, export.index)?;
                }
                count
            }
            Payload::InstanceSection(instances) => {
                let count = instances.count();
                for instance in instances {
                    if let Instance::Instantiate { module_index, .. } = instance.map_err(malformed)? {
                        let parts = *at(&self.modules, module_index)?;
                        self.size.parts.add(&parts);
                    }
                }
                count
            }
            Payload::ComponentInstanceSection(instances) => {
                let count = instances.count();
                for instance in instances {
                    if let ComponentInstance::Instantiate { component_index, .. } =
                        instance.map_err(malformed)?
                    {
                        self.instantiate(component_index)?;
                    }
                }
                count
            }
            Payload::ComponentTypeSection(types) => types.count(),
            Payload::CoreTypeSection(types) => types.count(),
            Payload::ComponentCanonicalSection(functions) => functions.count(),
            _ => 0,
        };
        self.grow(definitions.into())
    }

    fn instantiate(&mut self, component: u32) -> Result<(), LoadError> {
        let size = at(&self.components, component)?.ok_or(LoadError::PassedComponent)?;
        self.size.parts.add(&size.parts);
        self.grow(size.definitions)
    }

    fn grow(&mut self, definitions: u64) -> Result<(), LoadError> {
        self.size.definitions = self.size.definitions.saturating_add(definitions);
        if self.size.definitions > MAX_DEFINITIONS {
            return Err(LoadError::ExpandsTooFar { allowed: MAX_DEFINITIONS });
        }
        Ok(())
    }

    /// Adds something that another component passes to this one.
    fn receive(&mut self, kind: ComponentExternalKind) {
        match kind {
            // Its memories and tables are counted where it is compiled, and at each start.
            ComponentExternalKind::Module => {
                self.modules.push(ComponentParts { core_instances: 1, ..ComponentParts::default() });
            }
            ComponentExternalKind::Component => self.components.push(None),
            _ => {}
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>, outer: &[OpenScope]) -> Result<(), LoadError> {
        match *alias {
            ComponentAlias::InstanceExport { kind, .. } => self.receive(kind),
            ComponentAlias::Outer { kind, count: 0, index } => match kind {
                ComponentOuterAliasKind::CoreModule => self.define(ComponentExternalKind::Module, index)?,
                ComponentOuterAliasKind::Component => self.define(ComponentExternalKind::Component, index)?,
                _ => {}
            },
            ComponentAlias::Outer { kind, count, index } => {
                let scope = usize::try_from(count).ok().and_then(|count| outer.len().checked_sub(count));
                let Some(OpenScope::Component(scope)) = scope.and_then(|scope| outer.get(scope)) else {
                    return Err(out_of_bounds());
                };
                match kind {
                    ComponentOuterAliasKind::CoreModule => self.modules.push(*at(&scope.modules, index)?),
                    ComponentOuterAliasKind::Component => {
                        self.components.push(*at(&scope.components, index)?);
                    }
                    _ => {}
                }
            }
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
        Ok(())
    }

    /// Gives a definition of this component a further index.
    fn define(&mut self, kind: ComponentExternalKind, index: u32) -> Result<(), LoadError> {
        match kind {
            ComponentExternalKind::Module => self.modules.push(*at(&self.modules, index)?),
            ComponentExternalKind::Component => self.components.push(*at(&self.components, index)?),
            _ => {}
        }
        Ok(())
    }
}

fn at<T>(defined: &[T], index: u32) -> Result<&T, LoadError> {
    usize::try_from(index).ok().and_then(|index| defined.get(index)).ok_or_else(out_of_bounds)
}

fn out_of_bounds() -> LoadError {
    LoadError::NotAComponent(
        "an index refers to a module or a component that is not defined before it".to_owned(),
    )
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn malformed(error: BinaryReaderError) -> LoadError {
    LoadError::NotAComponent(error.to_string())
}
