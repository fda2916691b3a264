//! How registries are reached.

use host_harness::connection::Reach;
use host_registry::Credentials;

use super::*;

fn read(text: &str) -> Result<RegistryConfig, Vec<String>> {
    let env = |name: &str| (name == "PASSWORD").then(|| "hunter2".to_owned());
    ConfigFile::from_toml(text, Path::new("/etc/host"), env)
        .map(|settings| settings.registries)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_registry_that_is_not_configured_is_a_public_one_without_credentials() {
    let access = read("").unwrap().access("registry.example.com");
    assert_eq!((access.host.as_str(), access.reach), ("registry.example.com", Reach::Public));
    assert!(matches!(access.credentials, Credentials::Anonymous), "{access:?}");
    assert_eq!(access.authorities, []);
}

#[test]
fn credentials_are_a_user_with_a_password_by_reference_or_a_docker_configuration() {
    let read = read(
        "[registries.'registry.example.com:5000']\nuser = 'ada'\npassword = { env = 'PASSWORD' }\n\
         token-services = ['auth.example.com']\n\
         [registries.localhost]\ndocker-config = 'docker.json'\nloopback = true\nplain-http = true",
    )
    .unwrap();
    let access = read.access("registry.example.com:5000");
    assert!(matches!(&access.credentials, Credentials::Login(login) if login.user == "ada"), "{access:?}");
    assert!(!format!("{access:?}").contains("hunter2"), "{access:?}");
    assert_eq!(access.token_services, ["auth.example.com"]);
    let access = read.access("localhost");
    let Credentials::DockerConfig(file) = &access.credentials else { panic!("{access:?}") };
    assert_eq!((file.as_path(), access.reach), (Path::new("/etc/host/docker.json"), Reach::Loopback));
}

#[test]
fn each_wrong_setting_of_a_registry_is_named() {
    for (text, why) in [
        (
            "[registries.'https://registry.example.com']",
            "registries.https://registry.example.com: expected the host of a registry, such as \
             [registries.\"registry.example.com:5000\"]",
        ),
        (
            "registries.localhost = { plain-http = true }",
            "registries.localhost.plain-http: plain HTTP is only allowed to this machine: set loopback = true as well, or \
             omit it",
        ),
        (
            "registries.localhost = { user = 'ada' }",
            "registries.localhost: expected `user` with `password`, or `docker-config` alone, or none of them",
        ),
        (
            "registries.localhost = { user = 'ada', password = { env = 'PASSWORD' }, docker-config = 'd.json' }",
            "registries.localhost: expected `user` with `password`, or `docker-config` alone, or none of them",
        ),
        (
            "registries.localhost = { user = 'ada', password = 'hunter2' }",
            "registries.localhost.password: expected a reference to a secret: { env = \"NAME\" } or { file = \"path\" }; to \
             keep it in this file anyway, write { insecure-inline = \"…\" }",
        ),
        (
            "registries.localhost = { authorities = ['gone.pem'] }",
            "registries.localhost.authorities: cannot read /etc/host/gone.pem: No such file or directory (os error 2)",
        ),
        (
            "registries.localhost = { userr = 'ada' }",
            "registries.localhost: unknown key `userr`: did you mean `user`?",
        ),
        (
            "[plugins.one]\nregistry = 'one:1'",
            "plugins.one.registry: expected a registry first, such as registry.example.com/plugins/iterable:1.2",
        ),
        (
            "[plugins.one]\nregistry = 'registry.example.com/one'",
            "plugins.one.registry: expected a tag or a digest, such as registry.example.com/plugins/iterable:1.2",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), [why], "{text}");
    }
}
