/** `invoked cluster`, as docs/clustering.md has it. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { certificateUntil, DAY_MS, KEPT_NAME } from "../support/certificates.ts";
import type { Json } from "../support/client.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";

async function cluster(args: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await runInvoked(["cluster", ...args], { cwd });
  assert.equal(code, 0, stderr);
}

Deno.test("credentials in a folder that is named relatively serve a nats-server anywhere", async () => {
  await using folder = await makeTempDir();
  await cluster(["credentials", "made", "nats.example"], folder.path);
  await cluster(["sign-user", "made/nats", "worker", "w1", "w1.creds"], folder.path);
  const args = ["-t", "-c", join(folder.path, "made/nats/nats.conf")];
  const { success, stderr } = await new Deno.Command("nats-server", { args, cwd: "/" }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  for (const file of ["made/master.key", "made/nats/operator.nk", "w1.creds"]) {
    const { mode } = await Deno.stat(join(folder.path, file));
    assert.equal((mode ?? 0) & 0o777, 0o600, file);
  }
});

Deno.test("a second run keeps accounts and the names of certificates, and adds hosts", async () => {
  await using folder = await makeTempDir();
  await cluster(["credentials", "made", "nats.example"], folder.path);
  const read = (name: string) => Deno.readTextFile(join(folder.path, "made", name));
  const accounts = await read("nats/accounts.conf");
  await cluster(["credentials", "made", "10.1.2.3", "db.example"], folder.path);
  assert.equal(await read("nats/accounts.conf"), accounts);
  for (const name of ["server", "route"]) {
    const certificate = new X509Certificate(await read(`tls/${name}.pem`));
    assert.ok(certificate.checkHost("nats.example") && certificate.checkHost("db.example"), name);
    assert.ok(certificate.checkIP("10.1.2.3") && certificate.checkIP("127.0.0.1"), name);
  }
});

Deno.test("an expired certificate is called expired, and a second run renews what is due", async () => {
  await using folder = await makeTempDir();
  const tls = join(folder.path, "made/tls");
  const read = async (name: string) =>
    new X509Certificate(await Deno.readTextFile(join(tls, `${name}.pem`)));
  const hosts = ["invoked-postgres", "invoked-nats"];
  const servers = [0, 1, 2].map((index) => `invoked-nats-${index}.invoked-nats-servers`);
  await cluster(["credentials", "made", ...hosts, ...servers], folder.path);
  const route = await read("route");
  await certificateUntil(join(tls, "server"), Date.now() - DAY_MS);
  const { code, stderr } = await runInvoked(["cluster", "secrets", "made", "--demo"], {
    cwd: folder.path,
  });
  assert.equal(code, 1);
  assert.match(stderr, /Certificate made\/tls\/server\.pem expired on \S+; run invoked cluster/);
  await cluster(["credentials", "made", ...hosts, ...servers], folder.path);
  const renewed = await read("server");
  assert.ok(renewed.validToDate.getTime() > Date.now() + 300 * DAY_MS);
  assert.ok(renewed.checkHost(KEPT_NAME) && renewed.checkHost("invoked-nats"));
  assert.equal((await read("route")).fingerprint256, route.fingerprint256, "not due");

  // A new CA signs all certificates anew.
  const ca = await read("ca");
  for (const file of ["ca.pem", "ca.key"]) await Deno.remove(join(tls, file));
  await cluster(["credentials", "made"], folder.path);
  const replaced = await read("ca");
  assert.notEqual(replaced.fingerprint256, ca.fingerprint256);
  for (const name of ["server", "route"]) {
    const certificate = await read(name);
    assert.ok(certificate.verify(replaced.publicKey), name);
    assert.ok(certificate.checkHost("invoked-nats-2.invoked-nats-servers"), name);
  }
});

Deno.test("secrets of Kubernetes need certificates with the names of the manifests", async () => {
  await using folder = await makeTempDir();
  const secrets = (...args: readonly string[]) =>
    runInvoked(["cluster", "secrets", "made", ...args], { cwd: folder.path });
  const missing = await secrets("--demo");
  assert.equal(missing.code, 1);
  assert.match(
    missing.stderr,
    /Failed to read made\/tls\/ca\.pem: .*invoked cluster credentials/,
  );
  const servers = [0, 1, 2].map((index) => `invoked-nats-${index}.invoked-nats-servers`);
  await cluster(["credentials", "made", "invoked-nats", ...servers], folder.path);
  const unnamed = await secrets("--demo");
  assert.equal(unnamed.code, 1);
  assert.match(
    unnamed.stderr,
    /server\.pem does not name invoked-postgres; run invoked cluster credentials made invoked-postgres/,
  );
  const external = "postgres://app@db.example/app?sslmode=verify-ca";
  const { code, stdout, stderr } = await secrets(
    ...["--database", external, "--database-ca", "made/tls/ca.pem"],
  );
  assert.equal(code, 0, stderr);
  const items: Json[] = JSON.parse(stdout).items;
  const find = (name: string) => items.find(({ metadata }) => metadata.name === name);
  assert.equal(find("invoked-postgres-tls"), undefined, "that server has its own certificate");
  assert.match(
    find("invoked-database").stringData.url,
    /^postgres:\/\/app@db\.example:5432\/app\?.*sslrootcert=%2Fetc%2Finvoked%2Fca%2Fdatabase\.pem/,
  );
  const { data } = find("invoked-ca");
  assert.equal(
    data["database.pem"],
    await Deno.readTextFile(join(folder.path, "made/tls/ca.pem")),
  );
  const url = "postgres://app@db.example";
  for (
    const [flag, value, reason] of [
      ["--database", "postgres://app:hidden@db.example/app", /postgres\.password/],
      ["--database", "mysql://db.example", /postgres:/],
      ["--database", `${url}:6432/app`, /its port is 6432, but .* allows port 5432 alone/],
      ["--database", `${url}/app?sslrootcert=ca.pem`, /give the file as --database-ca/],
      ["--database", `${url}/app?sslcert=a.pem&sslkey=a.key`, /sslcert and sslkey/],
      ["--database", "postgres://app@/app?host=/run/postgresql", /socket \/run\/postgresql/],
      ["--database-ca", "made/master.key", /made\/master\.key is not a readable certificate/],
      ["--database-ca", "made/absent.pem", /made\/absent\.pem is not a readable certificate/],
      ["--namespace", "A_B", /lowercase/],
    ] as const
  ) {
    const rejected = await secrets(flag, value);
    assert.equal(rejected.code, 2, rejected.stderr);
    assert.match(rejected.stderr, reason);
  }
});

Deno.test("secrets of Kubernetes name one PostgreSQL", async () => {
  for (
    const [flags, reason] of [
      [[], /name PostgreSQL with --database URL, or give --demo/],
      [["--demo", "--database", "postgres://app@db.example/app"], /--demo/],
      [
        ["--database", "postgres://app@db.example/app?sslmode=verify-ca"],
        /verify-ca needs sslrootcert/,
      ],
    ] as const
  ) {
    const { code, stderr } = await runInvoked(["cluster", "secrets", "made", ...flags]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, reason);
  }
});

Deno.test("a host of a certificate is a name or an address", async () => {
  for (const host of ["https://nats.example", "nats.example:4222", "a b", "-a"]) {
    const args = ["cluster", "credentials", "--", "made", host];
    const { code, stderr } = await runInvoked(args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /host name or an IP address/);
  }
});

Deno.test("a user needs a known role and a name that NATS can show", async () => {
  for (
    const [role, name, reason] of [["root", "w1", /root/], [
      "worker",
      "w 1",
      /letters, digits/,
    ]] as const
  ) {
    const { code, stderr } = await runInvoked(["cluster", "sign-user", "keys", role, name, "file"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, reason);
  }
});
