/** Which of several certificates a process depends on, and the metrics of certificates that cannot be read. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { certificateSource } from "../../src/compose/certificate_source.ts";
import { certificatesOfServer } from "../../src/compose/certificates.ts";
import { openTls } from "../../src/compose/tls.ts";
import { resolveConfig } from "../../src/config/mod.ts";
import { certificateUntil, DAY_MS, loopbackCertificate } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";

const DAMAGED = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/** The end of the certificates of a kind, in milliseconds since 1970. */
async function endOf(kind: string, flags: Readonly<Record<string, string>>) {
  const { config } = resolveConfig(flags, {});
  const use = certificatesOfServer(config).find((each) => each.kind === kind);
  return (await use?.read())?.endsAtMs;
}

Deno.test("of a bundle of CAs, the CA that signed the certificate of NATS counts", async () => {
  await using directory = await makeTempDir();
  await using nats = await TestNats.start();
  const { caFile } = await loopbackCertificate();
  const ca = await Deno.readTextFile(caFile);
  const caEnd = new X509Certificate(ca).validToDate.getTime();
  const until = async (name: string, days: number) => {
    const path = await certificateUntil(join(directory.path, name), Date.now() + days * DAY_MS);
    return await Deno.readTextFile(`${path}.pem`);
  };
  const [soon, late] = [await until("soon", 10), await until("late", 5_000)];
  const bundle = join(directory.path, "bundle.pem");
  await Deno.writeTextFile(bundle, soon + DAMAGED + late + ca);
  const url = { nats: nats.address.url };
  assert.equal(await endOf("nats_ca", { ...url, "nats-ca": bundle }), caEnd);
  // Nothing is known of the servers that functions connect to.
  const lateEnd = new X509Certificate(late).validToDate.getTime();
  assert.equal(await endOf("egress_ca", { "egress-ca": bundle }), lateEnd);
  await nats.stop();
  assert.equal(await endOf("nats_ca", { ...url, "nats-ca": bundle }), lateEnd);
  await Deno.writeTextFile(bundle, DAMAGED);
  await assert.rejects(endOf("egress_ca", { "egress-ca": bundle }));
});

Deno.test("a certificate that cannot be read any more keeps its metrics, and is read again", async () => {
  await using directory = await makeTempDir();
  const file = join(directory.path, "ca.pem");
  const make = async (days: number) => {
    const path = await certificateUntil(join(directory.path, "made"), Date.now() + days * DAY_MS);
    await Deno.copyFile(`${path}.pem`, file);
  };
  const { config } = resolveConfig({ "egress-ca": file }, {});
  const ages = { fileMs: 0, peerMs: 0, failureMs: 0 };
  const uses = certificatesOfServer(config);
  let readings = 0;
  const counted = uses.map((use) => ({
    ...use,
    read: () => use.read().finally(() => readings++),
  }));
  const source = certificateSource(counted, ages);
  /** The days that are left, after one more reading. */
  const days = async () => {
    let days: number | undefined;
    const before = readings;
    await eventually(async () => {
      days = undefined;
      await source.read((name, value) => {
        if (name === "invoked.certificate.time_left") days = Math.round(value / (DAY_MS / 1000));
      });
      return readings > before + 1 || undefined;
    }, "a reading");
    return days;
  };
  await make(10);
  assert.equal(await days(), 10);
  await Deno.writeTextFile(file, "");
  assert.equal(await days(), 10);
  await Deno.remove(file);
  assert.equal(await days(), 10);
  await make(20);
  assert.equal(await days(), 20);
});

Deno.test("the CA of --tls-self-signed counts once the server has made it", async () => {
  await using directory = await makeTempDir();
  const flags = { "tls-self-signed": "true", data: directory.path };
  assert.equal(await endOf("server_ca", flags), undefined);
  const tls = await openTls(resolveConfig(flags, {}).config);
  const ca = new X509Certificate(await Deno.readTextFile(tls?.caFile ?? assert.fail()));
  assert.equal(await endOf("server_ca", flags), ca.validToDate.getTime());
});
