//! The connector template for Fides as a zip, in its variants. The same sources always give the same bytes.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result, ensure};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::components::{root, target_dir};

/// The folder of the sources, below the repository's root folder.
const SOURCES: &str = "integrations/fides/connector_host";
const CONFIG: &str = "config.yml";
/// The files of a template, which Fides finds by the ends of their names.
const FILES: [&str; 3] = [CONFIG, "dataset.yml", "icon.svg"];

/// How Fides reaches the connector host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// As Fides requires of a public host.
    Https,
    /// For a connector host on the same machine, or within a network of your own.
    PlainHttp,
}

/// How Fides learns that an erasure has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Fides asks for it.
    Polled,
    /// The connector host posts it to Fides. Its template has a type of its own, so that both may be registered.
    CalledBack,
}

/// A variant of the template.
#[derive(Clone, Copy)]
pub struct Variant {
    /// How Fides reaches the connector host.
    pub protocol: Protocol,
    /// How Fides learns that an erasure has ended.
    pub ending: Ending,
}

/// A text that occurs once in the configuration, and its replacement.
type Edit = (&'static str, &'static str);

const PLAIN_HTTP: [Edit; 1] = [("    protocol: https\n", "    protocol: http\n")];

const CALLED_BACK: [Edit; 7] = [
    ("  name: Connector host\n", "  name: Connector host with callbacks\n"),
    ("  type: connector_host\n", "  type: connector_host_callback\n"),
    (
        "    - name: skipped
      label: If an erasure is skipped
      description: Whether an erasure that is skipped for lack of a usable identifier is an error or complete
      options:
        - error
        - complete
      default_value: error
",
        "    - name: callback_url
      label: Callback address
      description: Address of Fides for the connector host, ending in /api/v1/request-task/callback
",
    ),
    (
        "              value: erase-<connection>-<privacy_request_id>\n",
        "              value: erase-<connection>-<privacy_request_id>
            - name: Fides-Reply-To-Token
              value: <reply_to_token>
",
    ),
    (
        "            - name: skipped
              connector_param: skipped
",
        "            - name: callback_url
              connector_param: callback_url
",
    ),
    (
        "              \"action\": \"erasure\",\n",
        "              \"action\": \"erasure\",
              \"callback\": {\"url\": \"<callback_url>\", \"form\": \"fides\"},
",
    ),
    (
        "          correlation_id_path: id
          async_config:
            strategy: polling
            configuration:
              status_request:
                method: GET
                path: /api/v1/requests/<correlation_id>/status
                query_params:
                  - name: skipped
                    value: <skipped>
                status_path: complete
                status_completed_value: true
",
        "          async_config:
            strategy: callback
",
    ),
];

impl Variant {
    /// Returns the type by which Fides knows the template.
    pub fn connector_type(self) -> &'static str {
        match self.ending {
            Ending::Polled => "connector_host",
            Ending::CalledBack => "connector_host_callback",
        }
    }

    /// Returns the template's `config.yml`.
    pub fn config(self) -> Result<String> {
        let file = root().join(SOURCES).join(CONFIG);
        let mut text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let protocol: &[Edit] = if self.protocol == Protocol::PlainHttp { &PLAIN_HTTP } else { &[] };
        let ending: &[Edit] = if self.ending == Ending::CalledBack { &CALLED_BACK } else { &[] };
        for (from, to) in protocol.iter().chain(ending) {
            let found = text.matches(from).count();
            ensure!(found == 1, "expected once in {SOURCES}/{CONFIG}, found {found} times:\n{from}");
            text = text.replace(from, to);
        }
        Ok(text)
    }

    /// Writes the zip below the target folder. Returns its path.
    pub fn write(self) -> Result<PathBuf> {
        let folder = target_dir().join("fides");
        fs::create_dir_all(&folder)?;
        let protocol = if self.protocol == Protocol::PlainHttp { "_plain_http" } else { "" };
        let file = folder.join(format!("{}{protocol}.zip", self.connector_type()));
        fs::write(&file, self.zipped()?)?;
        Ok(file)
    }

    /// Returns the zip. Its entries are not compressed, and have the earliest date that the format knows.
    fn zipped(self) -> Result<Vec<u8>> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(0o644);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for name in FILES {
            let contents = match name {
                CONFIG => self.config()?.into_bytes(),
                _ => fs::read(root().join(SOURCES).join(name))?,
            };
            zip.start_file(name, options)?;
            zip.write_all(&contents)?;
        }
        Ok(zip.finish()?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use serde_json::Value;
    use zip::ZipArchive;

    use super::*;

    const ALL: [Variant; 4] = [
        Variant { protocol: Protocol::Https, ending: Ending::Polled },
        Variant { protocol: Protocol::PlainHttp, ending: Ending::Polled },
        Variant { protocol: Protocol::Https, ending: Ending::CalledBack },
        Variant { protocol: Protocol::PlainHttp, ending: Ending::CalledBack },
    ];

    /// The file of the zip as YAML.
    fn unzipped(zip: &[u8], name: &str) -> Value {
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn the_zip_has_the_three_files_and_is_the_same_each_time() {
        for variant in ALL {
            let zip = variant.zipped().unwrap();
            let archive = ZipArchive::new(Cursor::new(&zip)).unwrap();
            let names = archive.file_names().map(Result::unwrap).collect::<Vec<_>>();
            assert_eq!(names, FILES);
            assert_eq!(zip, variant.zipped().unwrap());
        }
    }

    #[test]
    fn the_configuration_has_what_fides_requires() {
        for variant in ALL {
            let config = &unzipped(&variant.zipped().unwrap(), "config.yml")["saas_config"];
            assert_eq!(config["type"], variant.connector_type());
            // Fides compares versions: a number would lose its end.
            assert_eq!(config["version"], "1.0.0");
            for required in ["fides_key", "name", "description"] {
                assert!(config[required].is_string(), "{required}");
            }
            for request in ["/test_request", "/endpoints/0/requests/delete"] {
                let request = config.pointer(request).unwrap();
                assert!(request["method"].is_string() && request["path"].is_string(), "{request}");
            }
            let text = config.to_string();
            for param in config["connector_params"].as_array().unwrap() {
                let name = param["name"].as_str().unwrap();
                assert!(text.contains(&format!("<{name}>")), "{name} is not used");
                // A parameter without a default is required in Fides; an empty default counts as none.
                assert_ne!(param["default_value"], "", "{name}");
            }
        }
    }

    #[test]
    fn every_body_is_json_once_its_placeholders_are_filled() {
        for variant in ALL {
            let config = &unzipped(&variant.zipped().unwrap(), "config.yml")["saas_config"];
            for request in
                ["/consent_requests/opt_in/0", "/consent_requests/opt_out/0", "/endpoints/0/requests/delete"]
            {
                let body = config.pointer(request).unwrap()["body"].as_str().unwrap();
                let body: Value = serde_json::from_str(body).unwrap();
                let identity = body["identity"].as_object().unwrap();
                let kinds = identity.keys().map(String::as_str).collect::<Vec<_>>();
                assert_eq!(kinds, ["email", "external_id", "phone_number"]);
                // Fides writes `null` for an identifier that the person lacks only if its placeholder is optional.
                assert!(identity.iter().all(|(kind, value)| value == &format!("<{kind}?>")), "{body}");
            }
        }
    }

    #[test]
    fn variants_differ_in_protocol_and_ending() {
        for variant in ALL {
            let config = &unzipped(&variant.zipped().unwrap(), "config.yml")["saas_config"];
            let protocol = if variant.protocol == Protocol::Https { "https" } else { "http" };
            assert_eq!(config["client_config"]["protocol"], protocol);
            let delete = &config["endpoints"][0]["requests"]["delete"];
            let strategy = if variant.ending == Ending::Polled { "polling" } else { "callback" };
            assert_eq!(delete["async_config"]["strategy"], strategy);
            let replied = delete.to_string().contains("Fides-Reply-To-Token");
            assert_eq!(replied, variant.ending == Ending::CalledBack);
        }
    }

    #[test]
    fn a_field_of_the_dataset_is_a_primary_key_without_which_fides_erases_nothing() {
        let dataset = unzipped(&ALL[0].zipped().unwrap(), "dataset.yml");
        let collection = &dataset["dataset"][0]["collections"][0];
        let config = unzipped(&ALL[0].zipped().unwrap(), "config.yml");
        assert_eq!(collection["name"], config["saas_config"]["endpoints"][0]["name"]);
        let fields = collection["fields"].as_array().unwrap();
        assert!(fields.iter().any(|field| field["fidesops_meta"]["primary_key"] == true));
    }
}
