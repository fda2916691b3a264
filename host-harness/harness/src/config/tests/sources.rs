//! Where plugins come from: one source each.

use super::*;

/// Notes which references are read.
#[derive(Default)]
struct NotedReferences(Vec<NotedReference>);

/// A plugin's name and its reference.
type NotedReference = (String, String);

impl Extension for NotedReferences {
    fn of_file(&mut self, _: &mut Section<'_>, _: &mut ReadContext<'_>, _: &mut Problems<'_>) {}

    fn of_registry(&mut self, plugin: &str, reference: Entry<'_>, problems: &mut Problems<'_>) {
        self.0.extend(reference.text(problems).map(|text| (plugin.to_owned(), text)));
    }

    fn of_tenant(&mut self, _: &str, _: &mut Section<'_>, _: &mut ReadContext<'_>, _: &mut Problems<'_>) {}
}

fn read(text: &str) -> Result<(Config, Vec<NotedReference>), Vec<String>> {
    let mut noted = NotedReferences::default();
    match Config::from_toml_with(text, Path::new("/etc/host"), env, &mut noted) {
        Ok(config) => Ok((config, noted.0)),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn a_plugin_comes_from_a_file_or_a_registry_whose_reference_the_embedding_program_reads() {
    let (config, references) = read(
        "[plugins.one]\nfile = 'one.wasm'\n[plugins.two]\nregistry = 'registry.example.com/two:1'\nmax-bytes = 7",
    )
    .unwrap();
    assert_eq!(config.plugins()["one"].origin, PluginOrigin::File("/etc/host/one.wasm".into()));
    let two = &config.plugins()["two"];
    assert_eq!((two.path(), two.policy.max_bytes), (None, 7));
    assert_eq!(references, [("two".to_owned(), "registry.example.com/two:1".to_owned())]);
}

#[test]
fn a_plugin_with_two_sources_or_none_or_a_watched_registry_is_a_problem_at_the_setting() {
    for (text, why) in [
        ("[plugins.one]", "plugins.one: `file` or `registry` is missing"),
        (
            "[plugins.one]\nfile = 'one.wasm'\nregistry = 'registry.example.com/one:1'",
            "plugins.one.registry: `file` and `registry` exclude each other: expected one of them",
        ),
        (
            "[plugins.one]\nregistry = 'registry.example.com/one:1'\nwatch = true",
            "plugins.one.watch: a registry is not watched: a tag is resolved once, and again with `connector-host plugin \
             pull`",
        ),
        ("[plugins.one]\nregistry = 1", "plugins.one.registry: expected a string"),
    ] {
        assert_eq!(read(text).unwrap_err(), [why]);
    }
}
