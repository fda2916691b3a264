// Records what Sigstore's own JavaScript libraries sign, and what they make of a bundle that host-trust signed, in
// ../fixtures. Each run makes new keys, and keeps only the public halves. To run it again, with CRATE as the absolute path of
// host-harness/trust:
//
//   cd "$(mktemp -d)" && cp "$CRATE"/tests/interop/* . && npm install --ignore-scripts && node record.mjs "$CRATE"

import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { bundleFromJSON, bundleToJSON, toMessageSignatureBundle } from '@sigstore/bundle';
import { DSSEBundleBuilder, MessageSignatureBundleBuilder } from '@sigstore/sign';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const crate = process.argv[2];
const fixtures = path.join(crate, 'tests', 'fixtures');
const fixture = (name) => path.join(fixtures, name);

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const publicDer = (key) => key.publicKey.export({ type: 'spki', format: 'der' });
const hint = (key) => sha256(publicDer(key)).toString('base64');
const newKey = () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });

const publisher = newKey();
const stranger = newKey();
for (const [name, key] of Object.entries({ publisher, stranger })) {
  fs.writeFileSync(fixture(`${name}.pub`), key.publicKey.export({ type: 'spki', format: 'pem' }));
}

// The smallest component: the head of the binary format.
const component = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]);
fs.writeFileSync(fixture('component.wasm'), component);

const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'newsletter', digest: { sha256: sha256(component).toString('hex') } }],
  predicateType: 'urn:saas-connector:release:v1',
  predicate: {
    version: '1.4.0',
    revision: 7,
    notAfter: '2027-06-30T12:00:00Z',
    contractVersion: '0.2.0',
    manifest: { sha256: sha256('the manifest').toString('hex') },
    conformance: { result: 'passed', seed: 7 },
  },
};

const signer = {
  sign: async (data) => ({
    signature: crypto.sign('sha256', data, publisher.privateKey),
    key: {
      $case: 'publicKey',
      publicKey: publisher.publicKey.export({ type: 'spki', format: 'pem' }),
      hint: hint(publisher),
    },
  }),
};

// The builder of the package writes version 0.2; the function beneath it also writes 0.3.
class MessageSignatureBundleBuilderV03 extends MessageSignatureBundleBuilder {
  async package(artifact, { signature, key }) {
    const digest = sha256(artifact.data);
    return toMessageSignatureBundle({ digest, signature, keyHint: key.hint, certificateChain: false });
  }
}

const options = { signer, witnesses: [] };
const asStatement = { data: Buffer.from(JSON.stringify(statement, null, 2)), type: 'application/vnd.in-toto+json' };
const signed = {
  'sigstore-statement': await new DSSEBundleBuilder(options).create(asStatement),
  'sigstore-component': await new MessageSignatureBundleBuilderV03(options).create({ data: component }),
  'sigstore-component-v02': await new MessageSignatureBundleBuilder(options).create({ data: component }),
};
for (const [name, bundle] of Object.entries(signed)) {
  fs.writeFileSync(fixture(`${name}.sigstore.json`), JSON.stringify(bundleToJSON(bundle), null, 2) + '\n');
}

// What host-trust signs. The private key exists only as long as this run.
const privateKey = path.resolve('publisher.key');
fs.writeFileSync(privateKey, publisher.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
const example = ['run', '--quiet', '--package', 'host-trust', '--example', 'sign_release', '--'];
execFileSync('cargo', [...example, privateKey, fixture('component.wasm'), 'newsletter', '7'], { cwd: crate, stdio: 'inherit' });
fs.rmSync(privateKey);
fs.renameSync(fixture('component.wasm.sigstore.json'), fixture('host-trust-statement.sigstore.json'));

// What @sigstore/verify makes of a bundle if it trusts `key` under the publisher's hint.
function verdict(bundle, artifact, key) {
  const none = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const trust = toTrustMaterial(none, { [hint(publisher)]: { rawBytes: publicDer(key) } });
  const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
  try {
    new Verifier(trust, thresholds).verify(toSignedEntity(bundleFromJSON(bundle), artifact));
    return 'accepted';
  } catch (error) {
    return error.code ?? error.message;
  }
}

// Changes the statement in an envelope, or the component.
function changed(bundle) {
  const copy = structuredClone(bundle);
  const payload = Buffer.from(copy.dsseEnvelope.payload, 'base64');
  copy.dsseEnvelope.payload = Buffer.from(payload.toString().replace('newsletter', 'newsletters')).toString('base64');
  return copy;
}

const results = {};
for (const name of ['host-trust-statement', 'sigstore-statement', 'sigstore-component']) {
  const text = fs.readFileSync(fixture(`${name}.sigstore.json`));
  const bundle = JSON.parse(text);
  const isStatement = 'dsseEnvelope' in bundle;
  results[name] = {
    sha256: sha256(text).toString('hex'),
    'as-signed': verdict(bundle, component, publisher),
    changed: isStatement
      ? verdict(changed(bundle), component, publisher)
      : verdict(bundle, Buffer.concat([component, Buffer.from([0])]), publisher),
    'by-a-strangers-key': verdict(bundle, component, stranger),
  };
}

const versions = JSON.parse(fs.readFileSync('package.json')).dependencies;
const record = { node: process.version, packages: versions, results };
fs.writeFileSync(fixture('verified-by-sigstore.json'), JSON.stringify(record, null, 2) + '\n');
