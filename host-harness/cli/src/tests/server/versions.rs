use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_uploaded_approved_served_and_put_back_by_the_beginning_of_its_digest() {
    let running = Running::connected().await;
    let next = xtask::components::current("iterable-next").unwrap();
    let next = next.to_str().unwrap();
    let before = running.run(&["plugin", "list", "--json"]).await.json()["plugins"][0]["digest"].clone();
    let before = before.as_str().unwrap();
    let uploaded = running.run(&["plugin", "upload", "iterable", next, "--note", "try it"]).await;
    assert_eq!(uploaded.exit, Exit::Done, "{uploaded:?}");
    let digest = uploaded.out.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap();
    assert!(uploaded.out.starts_with(&format!("plugin iterable: proven {digest}\n")), "{}", uploaded.out);
    let approved = running.run(&["plugin", "approve", "iterable", &digest[..20]]).await;
    assert!(approved.out.starts_with(&format!("plugin iterable: approved {digest}\n")), "{}", approved.out);
    let served = running.run(&["plugin", "serve", "iterable", &digest[7..20]]).await;
    assert!(served.out.starts_with(&format!("plugin iterable: running {digest}\n")), "{}", served.out);
    let back = running.run(&["plugin", "serve", "iterable", before]).await;
    assert!(back.out.starts_with(&format!("plugin iterable: running {before}\n")), "{}", back.out);
    let history = running.run(&["plugin", "history", "iterable"]).await;
    for shown in [&digest[..19], &before[..19], "serving", "retired", "try it", "upload", "file"] {
        assert!(history.out.contains(shown), "{shown} in {}", history.out);
    }
    let steps = running.run(&["plugin", "history", "iterable", "--version", &digest[..20]]).await;
    for shown in ["uploaded", "compiled", "proof passed: ", "approved", "serving", "retired", "replaced by"] {
        assert!(steps.out.contains(shown), "{shown} in {}", steps.out);
    }
    let unknown = running.run(&["plugin", "serve", "iterable", "sha256:0"]).await;
    assert_eq!(unknown.exit, Exit::Misused, "{unknown:?}");
    running.assert_discreet();
}
