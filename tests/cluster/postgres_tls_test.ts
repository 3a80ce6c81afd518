/** TLS to PostgreSQL: what each sslmode accepts. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selfSignedSource } from "../../src/http/tls/self_signed.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";

Deno.test("TLS to PostgreSQL", async (t) => {
  await using directory = await makeTempDir();
  const [own, foreign] = [join(directory.path, "own"), join(directory.path, "foreign")];
  const { cert, key } = await (await selfSignedSource(own, ["localhost"])).load();
  await (await selfSignedSource(foreign, ["localhost"])).load();
  await using postgres = await TestPostgres.start({
    tls: false,
    files: { "server.crt": cert, "server.key": key },
    settings: { ssl: "on", listen_addresses: "127.0.0.1,127.0.0.2" },
  });
  const url = await postgres.database();
  const migrate = (host: string, parameters: string) =>
    runInvoked([
      "db",
      "migrate",
      "--database",
      `${url.replace("127.0.0.1", host)}?${parameters}`,
    ]);
  const root = `sslrootcert=${encodeURIComponent(join(own, "ca.pem"))}`;
  const other = `sslrootcert=${encodeURIComponent(join(foreign, "ca.pem"))}`;

  await t.step(
    "verify-full checks issuer and name, verify-ca the issuer, require neither",
    async () => {
      for (
        const [host, parameters] of [
          ["localhost", `sslmode=verify-full&${root}`],
          ["127.0.0.2", `sslmode=verify-ca&${root}`],
          ["127.0.0.2", "sslmode=require"],
          ["127.0.0.1", "sslmode=disable"],
        ] as const
      ) {
        const { code, stderr } = await migrate(host, parameters);
        assert.equal(code, 0, `${parameters}: ${stderr}`);
      }
    },
  );

  await t.step("another name or another issuer is rejected", async () => {
    for (
      const [host, parameters] of [
        ["127.0.0.2", `sslmode=verify-full&${root}`],
        ["localhost", "sslmode=verify-full"],
        ["localhost", `sslmode=verify-ca&${other}`],
        ["localhost", `sslmode=require&${other}`],
      ] as const
    ) {
      const { code, stderr } = await migrate(host, parameters);
      assert.equal(code, 1, `${host} ${parameters}`);
      assert.match(
        stderr,
        /database test_1 on \S+ is not reachable: .*(?:certificate|verif|issuer)/i,
      );
    }
  });
});
