//! A build of the swapped connector that requests more permissions than the others and requires the setting `region`.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Check, Error, Guest, Manifest, Operation, Place, SettingSpec, Settings,
    },
    builds, parts,
};

struct Build;

impl Guest for Build {
    fn describe() -> Manifest {
        let mut known = builds::manifest("greedy");
        known.settings.retain(|setting| setting.name != "region");
        known.settings.push(SettingSpec { required: true, ..parts::setting("region") });
        known.settings.push(parts::secret("master-key"));
        let look = Operation {
            fields: vec![parts::field(Place::Header, "X-Key", "{master-key}")],
            ..parts::operation("look", "GET", "/look")
        };
        Manifest { operations: vec![look, parts::operation("export", "GET", "/export")], ..known }
    }

    fn test_connection(settings: Settings) -> Result<Vec<Check>, Error> {
        builds::answer("greedy", &settings)
    }
}

test_guests::base::export!(Build);
