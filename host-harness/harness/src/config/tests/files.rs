//! Files that a configuration names.

use super::*;

#[test]
fn an_authority_is_a_certificate_that_tls_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let told = |pem: &str| {
        std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
        let text = "plugins.i.file = \"i\"\ntenants.a = {}\n[connections.n]\ntenant = \"a\"\nplugin = \"i\"\n\
                    egress.authorities = [\"ca.pem\"]";
        let problems = Config::from_toml(text, folder.path(), env).unwrap_err();
        problems[0].to_string().replace(&folder.path().display().to_string(), "…")
    };
    assert_eq!(
        told("no certificate"),
        "connections.n.egress.authorities: …/ca.pem contains no certificate that can be trusted as an authority \
         (PEM, X.509): no CERTIFICATE section found"
    );
    let told = told("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert!(told.contains("…/ca.pem contains no certificate that can be trusted"), "{told}");
    assert_eq!(
        wrong_with("egress.authorities = [\"gone.pem\"]"),
        ["6: connections.newsletter.egress.authorities: cannot read /etc/connector-host/gone.pem: \
          No such file or directory (os error 2)"]
    );
}

#[cfg(unix)]
#[test]
fn a_secrets_file_ends_before_its_newline_and_one_that_others_can_read_is_warned_of() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, "k-0123456789\r\n").unwrap();
    let text = "plugins.i.file = \"i\"\ntenants.a = {}\n[connections.n]\ntenant = \"a\"\nplugin = \"i\"\n\
                secrets.api-key = { file = \"key\" }";
    let read = |mode| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        Config::from_toml(text, folder.path(), env).unwrap()
    };
    let closed = read(0o640);
    assert!(closed.connections()[0].secrets["api-key"].matches(b"k-0123456789"));
    assert_eq!(closed.warnings(), []);
    let open = read(0o644);
    assert_eq!(
        open.warnings()[0].to_string(),
        format!(
            "connections.n.secrets.api-key: every user of this machine can read {}; restrict it with chmod o=",
            file.display()
        )
    );
}
