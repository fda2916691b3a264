use super::*;

fn sentence(operation: &str, place: &str, blank: &str, meant: &str) -> String {
    format!(
        "operation {operation}: its {place} contains {{{blank}}}, which is neither a setting nor a captured secret: did you \
         mean {{{meant}}}? If it is a value of the request, choose another name; if it is literal text, write a space \
         inside the braces"
    )
}

#[test]
fn a_blank_that_is_close_to_a_name_that_the_host_fills_in_is_refused_with_that_name() {
    for (blank, meant) in [
        ("access_token", "access-token"),
        ("ACCESS_TOKEN", "access-token"),
        ("accessToken", "access-token"),
        ("access-tokne", "access-token"),
        ("acces-token", "access-token"),
        ("client_secret", "client-secret"),
        ("domian", "domain"),
        ("webhook_url", "webhook-url"),
    ] {
        refused(
            |m| {
                let value = format!("Bearer {{{blank}}}");
                m.operations[0].fields.push(field(RequestPart::Header, "X-Key", &value));
            },
            &sentence("forget", "field X-Key", blank, meant),
        );
    }
    refused(
        |m| m.operations[0].path = "/people/{person}/{domain}/{Domain}".into(),
        &sentence("forget", "path", "Domain", "domain"),
    );
}

#[test]
fn values_of_a_request_and_braces_of_a_query_language_stay_what_they_are() {
    for value in [
        "{person}",
        "{email}",
        "{user_id}",
        "query { domains }",
        "{ domain }",
        "mutation{forget(id:\"x\"){ok}}",
        "{\"client_secret\": 1}",
        "{}",
        "{",
        "{client-secret}{access-token}{domain}",
    ] {
        let mut manifest = sound();
        manifest.operations[0].fields.push(field(RequestPart::Body, "text", value));
        Declaration::check(manifest).unwrap();
    }
    // A value that a path names as well is one of the request, however close it is.
    let mut manifest = sound();
    manifest.operations[0].path = "/people/{domains}".into();
    manifest.operations[0].fields.push(field(RequestPart::Body, "domains", "{domains}"));
    Declaration::check(manifest).unwrap();
}

#[test]
fn a_name_that_the_host_fills_in_is_never_misspelled_however_many_names_there_are() {
    let mut manifest = sound();
    let setting = manifest.settings[0].clone();
    let names = (100..290).map(|number| format!("token-{number}"));
    manifest.settings.extend(names.map(|name| SettingSpec { name, ..setting.clone() }));
    manifest.operations[0].fields.push(field(RequestPart::Body, "text", "{token-289}"));
    Declaration::check(manifest).unwrap();
}
