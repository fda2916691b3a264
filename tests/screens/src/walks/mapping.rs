//! A privacy officer adds a notice and a system, and maps a vendor's channel to the notice.

use crate::walk::Walk;

pub(crate) async fn walk(walk: Walk) {
    walk.service.connect().await;
    walk.sign_in("officer", &[]).await;
    walk.act("Connections").await;
    walk.act("newsletter").await;
    walk.act("Consent mapping").await;
    walk.sees("The tenant has no notice yet.").await;
    walk.look("no-notice").await;
    walk.act("Add one").await;
    walk.look("catalogue-empty").await;
    walk.act("Add a system").await;
    walk.look("system-form").await;
    walk.fill("Key", "crm").await;
    walk.fill("Name", "Mail engine").await;
    walk.fill("Data uses", "marketing.advertising").await;
    walk.act("Save").await;
    walk.sees("The system is saved.").await;
    for (id, name, data_use) in [("n-1", "Marketing", "marketing"), ("n-2", "Statistics", "analytics")] {
        walk.act("Add a notice").await;
        walk.fill("ID", id).await;
        walk.fill("Name", name).await;
        walk.fill("Data uses", data_use).await;
        walk.act("Save").await;
        walk.sees("The notice is saved.").await;
    }
    walk.look("catalogue").await;
    walk.open("/connections/newsletter/mapping").await;
    walk.sees("1 notice cannot be chosen").await;
    walk.choose("Marketing Channel (Email)", "Marketing").await;
    walk.look("tree").await;
    walk.act("Preview the changes").await;
    walk.sees("1 item changes its notice").await;
    walk.look("preview").await;
    walk.act("Save the mapping").await;
    walk.sees("The mapping is saved.").await;
    walk.look("saved").await;
    walk.act("Import").await;
    walk.look("import").await;
    walk.fill("The file's content", "[[item]]").await;
    walk.act("Preview the changes").await;
    walk.sees("Nothing was changed.").await;
    walk.look("import-refused").await;
    walk.open("/tenants/mapping/notices/delete?id=n-2").await;
    walk.sees("Delete notice n-2?").await;
    walk.look("delete-notice").await;
    walk.end().await;
}
