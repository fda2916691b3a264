//! What a component declares is checked from its bytes, before it is compiled.

use std::sync::Arc;

use connector_tests::{Bench, plugin as shared, spec};
use host_harness::{
    connection::CallLimits,
    engine::{Engine, PoolSize},
    plugin::{ComponentPart, LoadError},
};

use super::*;

/// Two components with a memory each: the second passes a text to the first as it starts, and traps if another one
/// returns. The compiler generates an adapter between them.
pub(super) const COMPOSITION: &str = r#"(component
  (component $echoes
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "echo") (param i32 i32) (result i32)
        (i32.store (i32.const 8) (local.get 0))
        (i32.store (i32.const 12) (local.get 1))
        (i32.const 8)))
    (core instance $i (instantiate $m))
    (func (export "echo") (param "text" string) (result string)
      (canon lift (core func $i "echo") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
  (component $starts
    (import "echo" (func $echo (param "text" string) (result string)))
    (core module $memory
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))
    (core instance $memory (instantiate $memory))
    (core func $echo (canon lower (func $echo)
      (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core module $m
      (import "host" "memory" (memory 1))
      (import "host" "echo" (func $echo (param i32 i32 i32)))
      (data (i32.const 16) "texts cross")
      (func $start
        (call $echo (i32.const 16) (i32.const 11) (i32.const 64))
        (if (i32.ne (i32.load (i32.const 68)) (i32.const 11)) (then unreachable))
        (if (i64.ne (i64.load (i32.load (i32.const 64))) (i64.load (i32.const 16))) (then unreachable)))
      (start $start))
    (core instance (instantiate $m
      (with "host" (instance (export "memory" (memory $memory "memory")) (export "echo" (func $echo)))))))
  (instance $e (instantiate $echoes))
  (instance $s (instantiate $starts (with "echo" (func $e "echo")))))"#;

fn engine_with(limits: &CallLimits) -> Arc<Engine> {
    Arc::new(Engine::new(&PoolSize::of(1).holding(limits)).unwrap())
}

async fn load_on(engine: &Arc<Engine>, bytes: Vec<u8>) -> Result<Plugin, LoadError> {
    Plugin::load(engine, bytes, &LoadPolicy::default()).await
}

#[tokio::test]
async fn components_with_a_memory_each_are_composed_and_run_under_the_default_limits() {
    let plugin = Arc::new(load(extended(COMPOSITION)).await.unwrap());
    let plain = shared("build_one").await;
    assert_eq!((plain.parts().memories, plugin.parts().memories), (1, 3));
    assert_eq!(plugin.parts().core_instances, plain.parts().core_instances + 3);
    assert_eq!(plugin.parts().memory_bytes, plain.parts().memory_bytes + 2 * 65_536);
    let checks = Bench::default().calls(&plugin, &spec("composed", &[])).test_connection().await;
    checks.unwrap().unwrap();
}

#[tokio::test]
async fn all_memories_count_together() {
    let grows = r"(component
      (core module $m (memory 1) (func $start
        (if (i32.eq (memory.grow (i32.const PAGES)) (i32.const -1)) (then unreachable))) (start $start))
      (core instance (instantiate $m)))";
    // Each memory alone is within 64 MiB.
    load(extended(&grows.replace("PAGES", "900"))).await.unwrap();
    let refused = refusal(extended(&grows.replace("PAGES", "1020"))).await;
    assert_eq!(
        refused,
        "could not describe itself: the sandbox ended the call: \
         it requested more memory than allowed (limits.memory-bytes, limits.table-elements), in start"
    );
}

#[tokio::test]
async fn each_part_beyond_its_limit_has_a_sentence_with_its_key() {
    let usual = shared("build_one").await.parts().to_owned();
    let instances = format!("(core module $m) {}", "(core instance (instantiate $m))".repeat(38));
    let memories = format!("(core module $m (memory 1)) {}", "(core instance (instantiate $m))".repeat(3));
    let bytes = "(core module $m (memory 1024)) (core instance (instantiate $m))";
    let table = "(core module $m (table 1 funcref)) ";
    let tables = format!("{table} {}", "(core instance (instantiate $m))".repeat(5));
    let elements = "(core module $m (table 20000 funcref)) (core instance (instantiate $m))";
    for (part, text, found, allowed, key) in [
        (
            ComponentPart::CoreInstances,
            instances.as_str(),
            usual.core_instances + 38,
            16,
            "limits.core-instances",
        ),
        (ComponentPart::Memories, &memories, usual.memories + 3, 3, "limits.memories"),
        (ComponentPart::MemoryBytes, bytes, usual.memory_bytes + (64 << 20), 64 << 20, "limits.memory-bytes"),
        (ComponentPart::Tables, &tables, usual.tables + 5, 4, "limits.tables"),
        (
            ComponentPart::TableElements,
            elements,
            usual.table_elements + 20_000,
            10_000,
            "limits.table-elements",
        ),
    ] {
        let Err(LoadError::TooMany { part: found_part, .. }) =
            load(extended(&format!("(component {text})"))).await
        else {
            panic!("{part}")
        };
        assert_eq!(found_part, part);
        assert_eq!(
            refusal(extended(&format!("(component {text})"))).await,
            format!(
                "{PREFIX}it has {found} {part}, more than the {allowed} that {key} allows; \
                 raise the limit if you trust the plugin"
            )
        );
    }
}

/// What a Python runtime needs: many instances and tables, under limits that the operator configured.
#[tokio::test]
async fn a_component_describes_itself_under_the_configured_limits() {
    let module = "(core module $m (table 500 funcref))";
    let many = format!("(component {module} {})", "(core instance (instantiate $m))".repeat(38));
    let limits =
        CallLimits { core_instances: 64, tables: 64, table_elements: 50_000, ..CallLimits::default() };
    let plugin = load_on(&engine_with(&limits), extended(&many)).await.unwrap();
    assert_eq!(plugin.parts().core_instances, shared("build_one").await.parts().core_instances + 38);
}

#[tokio::test]
async fn instances_are_counted_wherever_they_are_made() {
    // 3 levels: 4 * 5 instances of a module that is reached through an alias and an export.
    let text = r#"(component
      (core module $m)
      (component $leaf
        (alias outer 1 $m (core module $alias))
        (export $again "again" (core module $alias))
        (core instance (instantiate $again)) (core instance (instantiate $alias))
        (core instance (instantiate $again)) (core instance (instantiate $alias))
        (core instance (instantiate $again)))
      (component $branch (alias outer 1 $leaf (component $l))
        (instance (instantiate $l)) (instance (instantiate $l)))
      (instance (instantiate $branch)) (instance (instantiate $branch)))"#;
    let found = shared("build_one").await.parts().core_instances + 20;
    assert_eq!(
        refusal(extended(text)).await,
        format!(
            "{PREFIX}it has {found} core instances, more than the 16 that limits.core-instances allows; \
             raise the limit if you trust the plugin"
        )
    );
}

/// Expanded, it would have more than 2^60 instances, which no compiler gets through.
#[tokio::test]
async fn components_that_expand_without_end_are_refused_at_once() {
    let levels: Vec<_> = (1..=60)
        .map(|level| {
            let below = level - 1;
            format!(
                "(component $c{level} (alias outer 1 $c{below} (component $c)) \
                 (instance (instantiate $c)) (instance (instantiate $c)))"
            )
        })
        .collect();
    let levels = levels.concat();
    let text = format!("(component (component $c0) {levels} (instance (instantiate $c60)))");
    assert_eq!(
        refusal(extended(&text)).await,
        format!("{PREFIX}its nested components expand to more than 1000000 definitions")
    );
}

#[tokio::test]
async fn components_of_components_are_refused() {
    let text = "(component (component $c) (component $takes (import \"c\" (component $c)) \
                (instance (instantiate $c))) (instance (instantiate $takes (with \"c\" (component $c)))))";
    assert_eq!(
        refusal(extended(text)).await,
        format!(
            "{PREFIX}one of its components instantiates a component that is passed to it; \
             expected only components that are defined in the file"
        )
    );
    let deep = format!("{}{}", "(component ".repeat(100), ")".repeat(100));
    assert_eq!(
        refusal(component(&deep)).await,
        format!("{PREFIX}its components or types are nested more than 16 levels deep")
    );
}

/// Only the compiler's own adapters use several memories.
#[tokio::test]
async fn a_module_with_several_memories_of_its_own_is_refused() {
    for (module, found) in [
        ("(core module (memory 1) (memory 1))", 2),
        (r#"(core module (import "a" "b" (memory 1)) (import "a" "c" (memory 1)) (memory 1))"#, 3),
    ] {
        let refused = refusal(extended(&format!("(component {module})"))).await;
        assert_eq!(
            refused,
            format!(
                "{PREFIX}one of its core modules uses {found} memories; a module may have one, \
                 and a component may be composed of several modules with one each"
            )
        );
    }
}

/// The compiler adds instances for adapters, which the bytes do not have.
#[tokio::test]
async fn adapters_that_exceed_the_pool_are_named_with_the_limits_key() {
    let plain = shared("build_one").await.parts().core_instances;
    let exact = u32::try_from(plain + 3).unwrap();
    let mut size = PoolSize::of(1);
    size.limits.core_instances = exact;
    let refused = load_on(&Arc::new(Engine::new(&size).unwrap()), extended(COMPOSITION)).await.unwrap_err();
    let LoadError::TooManyAdapters { .. } = refused else { panic!("{refused}") };
    assert!(
        refused.to_string().ends_with("raise limits.core-instances if you trust the plugin"),
        "{refused}"
    );
}

/// The compiler reads nested types recursively, and an overflow of its stack would abort the process.
#[tokio::test]
async fn types_that_are_nested_too_deep_are_refused() {
    for kind in [0x41, 0x42] {
        for levels in [16, 1_000, 500_000] {
            let mut types = vec![1];
            types.extend([kind, 1, 1].repeat(levels));
            types.extend([kind, 0]);
            let mut bytes = guest("build_one");
            section(&mut bytes, 7, &types);
            assert_eq!(
                refusal(bytes).await,
                format!("{PREFIX}its components or types are nested more than 16 levels deep")
            );
        }
        let mut types = vec![1];
        types.extend([kind, 1, 1].repeat(14));
        types.extend([kind, 0]);
        let mut bytes = guest("build_one");
        section(&mut bytes, 7, &types);
        load(bytes).await.unwrap();
    }
}
