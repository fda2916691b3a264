//! Statements as JSON.

use host_model::{contract::ContractVersion, digest::Digest, unread::Unread};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    doubled::Doubled,
    json_object::JsonObject,
    refusal::Refusal,
    revision::Revision,
    statement::{ConformanceRun, PREDICATE_TYPE, STATEMENT_TYPE, Statement, UnfitStatement},
};

/// The fields that say what the others mean.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatementTypes {
    #[serde(rename = "_type")]
    statement_type: String,
    predicate_type: String,
}

#[derive(Deserialize)]
struct StatementFields {
    subject: Vec<JsonObject<StatementSubject>>,
    predicate: JsonObject<Predicate>,
}

#[derive(Deserialize)]
struct StatementSubject {
    name: String,
    digest: JsonObject<Sha256Digest>,
}

/// A digest as in-toto writes it: hexadecimal, by the name of its algorithm.
#[derive(Deserialize)]
struct Sha256Digest {
    #[serde(with = "hex::serde")]
    sha256: [u8; 32],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    version: String,
    revision: Revision,
    not_after: Timestamp,
    contract_version: ContractVersion,
    manifest: JsonObject<Sha256Digest>,
    conformance: JsonObject<ConformanceRun>,
}

/// Reads the statement about a release from a payload whose signature holds.
pub(crate) fn read(payload: &[u8]) -> Result<Statement, Refusal> {
    // First the types: another statement is not a faulty one of ours.
    let types: StatementTypes = from_json(payload)?;
    expect_type(types.statement_type, STATEMENT_TYPE)?;
    expect_type(types.predicate_type, PREDICATE_TYPE)?;
    let StatementFields { subject, predicate: JsonObject(predicate) } = from_json(payload)?;
    let [JsonObject(subject)] =
        <[_; 1]>::try_from(subject).map_err(|subjects: Vec<JsonObject<StatementSubject>>| match subjects
            .len()
        {
            0 => Refusal::UnreadableStatement(Unread {
                place: "subject".to_owned(),
                found: "an empty list".to_owned(),
                expected: Some("one component".to_owned()),
            }),
            several => Refusal::Doubled(Doubled::Subjects(several)),
        })?;
    let statement = Statement {
        plugin: subject.name,
        digest: Digest(subject.digest.0.sha256),
        version: predicate.version,
        revision: predicate.revision,
        not_after: predicate.not_after.as_millisecond(),
        contract: predicate.contract_version,
        manifest: Digest(predicate.manifest.0.sha256),
        conformance: predicate.conformance.0,
    };
    statement.check()?;
    Ok(statement)
}

fn expect_type(found: String, expected: &'static str) -> Result<(), Refusal> {
    if found == expected { Ok(()) } else { Err(Refusal::OtherStatement { found, expected }) }
}

fn from_json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Refusal> {
    let mut document = serde_json::Deserializer::from_slice(payload);
    let JsonObject(read) = serde_path_to_error::deserialize(&mut document)
        .map_err(|error| Refusal::UnreadableStatement(Unread::json(&error)))?;
    document.end().map_err(|_| {
        Refusal::UnreadableStatement(Unread {
            place: String::new(),
            found: "more text after the statement".to_owned(),
            expected: Some("one statement".to_owned()),
        })
    })?;
    Ok(read)
}

/// Writes `statement` as the payload of an envelope.
pub(crate) fn write(statement: &Statement) -> Result<Vec<u8>, UnfitStatement> {
    let Statement { plugin, digest, version, revision, not_after, contract, manifest, conformance } =
        statement;
    statement.check()?;
    let not_after =
        Timestamp::from_millisecond(*not_after).map_err(|_| UnfitStatement::NotAfter(*not_after))?;
    let document = json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": plugin, "digest": {"sha256": hex::encode(digest.0)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "version": version,
            "revision": revision,
            "notAfter": not_after,
            "contractVersion": contract,
            "manifest": {"sha256": hex::encode(manifest.0)},
            "conformance": conformance,
        },
    });
    Ok(document.to_string().into_bytes())
}
