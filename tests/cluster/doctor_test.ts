/** `invoked doctor --cluster` on a cluster with faults. */
import assert from "node:assert/strict";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../deploy/local_cluster/network.ts";
import type { Json } from "../support/client.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { TestCluster } from "./cluster.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Makes a self-signed certificate for 127.0.0.1 that ends at a time, and returns the path of it and its key without suffix. */
async function certificateUntil(path: string, end: number): Promise<string> {
  const time = (ms: number) => `${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "")}`;
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", `${path}.key`, "-out", `${path}.pem`, "-subj", "/CN=test"],
      ...["-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-not_before", time(end - 90 * DAY_MS), "-not_after", time(end)],
    ],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return path;
}

Deno.test("doctor names what is wrong with the parts of a cluster", async (t) => {
  await using cluster = await TestCluster.start();
  await using folder = await makeTempDir();
  const node = await cluster.node();
  const run = async (...flags: readonly string[]) => {
    const args = ["doctor", "--cluster", "--json", "--data", join(folder.path, "data"), ...flags];
    const { stdout, stderr } = await runInvoked(args);
    assert.notEqual(stdout, "", stderr);
    const report: Json = JSON.parse(stdout);
    const broken: string[] = report.findings.map((finding: Json) =>
      `${finding.verdict}: ${finding.message}`
    );
    return { found: broken.join("\n"), cluster: report.cluster };
  };
  const database = ["--database", cluster.database];

  await t.step("a sound cluster has no finding", async () => {
    const { found, cluster: parts } = await run(...database, ...cluster.nats.address.flags);
    assert.doesNotMatch(found, /NATS|certificate|node/);
    const names = parts.map(({ name }: Json) => name);
    assert.ok(names.includes(`certificate of NATS at 127.0.0.1:${cluster.nats.address.port}`));
    assert.equal(names.filter((name: string) => name.startsWith("API node")).length, 1);
  });

  await t.step("an expired certificate, one that expires soon, and another protocol", async () => {
    const expired = await certificateUntil(join(folder.path, "old"), Date.now() - DAY_MS);
    const soon = await certificateUntil(join(folder.path, "soon"), Date.now() + 10.5 * DAY_MS);
    const config = `tls { cert_file: "${expired}.pem", key_file: "${expired}.key" }`;
    await using nats = await TestNats.start({ tls: false, config });
    const client = new pg.Client({ connectionString: cluster.database });
    await client.connect();
    await client.query(
      "insert into nodes (id, version, protocol, lease_until) values ($1, $2, $3, $4)",
      ["another", "0.0.1", 99, "9999-01-01T00:00:00.000Z"],
    );
    const url = `tls://127.0.0.1:${nats.address.port}`;
    const { found } = await run(...database, "--nats", url, "--nats-ca", `${soon}.pem`);
    await client.query("delete from nodes where id = 'another'");
    await client.end();
    assert.match(found, /^broken: NATS at tls:.* is not usable: /m);
    assert.match(
      found,
      /^broken: certificate of NATS at .*: expired on \d{4}-\d\d-\d\d; renew it$/m,
    );
    assert.match(
      found,
      /^degraded: certificates in .*soon\.pem \(--nats-ca\): expires in 10 days, on /m,
    );
    assert.match(found, /^broken: API node another: version 0\.0\.1 speaks protocol 99, and this/m);
  });

  await t.step("an unreachable NATS, and no NATS", async () => {
    const { found } = await run(...database, "--nats", `tls://127.0.0.1:${freePort()}`);
    assert.match(found, /^broken: NATS at .*the connection was refused/m);
    assert.match(found, /^broken: certificate of NATS at .*: not readable: .*ECONNREFUSED/m);
    const { code, stderr } = await runInvoked(["doctor", "--cluster"]);
    assert.equal(code, 2);
    assert.match(stderr, /--nats is not set/);
  });
  await node.stop();
});
