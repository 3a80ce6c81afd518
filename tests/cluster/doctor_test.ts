/** `invoked doctor --cluster` on a cluster with faults. */
import assert from "node:assert/strict";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { certificateUntil, DAY_MS } from "../support/certificates.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { TestCluster } from "./cluster.ts";

const HOUR_MS = 60 * 60 * 1000;

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
    // Two thirds of the life of a year have passed.
    const old = await certificateUntil(
      join(folder.path, "past"),
      Date.now() + 120.5 * DAY_MS,
      365 * DAY_MS,
    );
    const replaced = join(folder.path, "replaced.pem");
    await Deno.writeTextFile(
      replaced,
      (await Promise.all([expired, old].map((path) => Deno.readTextFile(`${path}.pem`)))).join(""),
    );
    const config = `tls { cert_file: "${expired}.pem", key_file: "${expired}.key" }`;
    await using nats = await TestNats.start({ tls: false, config });
    const client = new pg.Client({ connectionString: cluster.database });
    await client.connect();
    await client.query(
      "insert into nodes (id, version, protocol, lease_until) values ($1, $2, $3, $4)",
      ["another", "0.0.1", 99, "9999-01-01T00:00:00.000Z"],
    );
    const url = `tls://127.0.0.1:${nats.address.port}`;
    const { found } = await run(
      ...[...database, "--nats", url, "--nats-ca", `${soon}.pem`],
      ...["--egress-ca", replaced, "--tls-cert", `${expired}.pem`, "--tls-key", `${expired}.key`],
    );
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
    assert.match(
      found,
      /^degraded: certificates in .*replaced\.pem \(--egress-ca\): expires in 120 days, on /m,
    );
    assert.match(found, /^broken: certificates in .*old\.pem \(--tls-cert\): expired on /m);
    assert.match(found, /^broken: API node another: version 0\.0\.1 speaks protocol 99, and this/m);
  });

  await t.step("an API node that crashed is named for an hour", async () => {
    const client = new pg.Client({ connectionString: cluster.database });
    await client.connect();
    const lost = (id: string, ms: number) =>
      client.query(
        "insert into nodes (id, version, protocol, lease_until) values ($1, $2, $3, $4)",
        [
          ...[id, "0.0.1", 99],
          new Date(Date.now() - ms).toISOString(),
        ],
      );
    await lost("forgotten", 2 * HOUR_MS);
    await lost("crashed", HOUR_MS / 2);
    await eventually(async () => {
      const { rows } = await client.query("select from nodes where id = 'forgotten'");
      return rows.length === 0 || undefined;
    }, "the recovery by the other node");
    const { found, cluster: parts } = await run(...database, ...cluster.nats.address.flags);
    await client.query("delete from nodes where id = 'crashed'");
    await client.end();
    assert.match(
      found,
      /^degraded: API node crashed: version 0\.0\.1 lost its lease at \S+Z without leaving: it crashed/m,
    );
    const names = parts.map(({ name }: Json) => name);
    assert.equal(names.filter((name: string) => name.startsWith("API node")).length, 2);
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
