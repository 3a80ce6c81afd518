/** `--database` of serve and of commands that open the store: what is rejected, and what is never shown. */
import assert from "node:assert/strict";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";

const SECRET = "pass-word";

Deno.test("commands with --database", async (t) => {
  // Without TLS, as a URL of loopback asks for none.
  await using postgres = await TestPostgres.start({ tls: false });
  await using directory = await makeTempDir();
  const data = ["--data", `${directory.path}/data`];
  const url = await postgres.database();

  /** Runs a command that must fail; answers its message. */
  const failure = async (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    code = 1,
  ): Promise<string> => {
    const result = await runInvoked(args, { env });
    assert.equal(result.code, code, result.stderr);
    assert.ok(!`${result.stdout}${result.stderr}`.includes(SECRET), "the password is shown");
    return result.stderr;
  };

  await t.step("a URL with an error is rejected with the error", async () => {
    const errors = {
      "mysql://invoked:pass-word@h/d": "it does not begin with postgres:// or postgresql://",
      "postgres://invoked:pass-word@h": "it names no database",
      "postgres://:pass-word@h/d": "it names no user",
      "postgres://invoked:pass-word@h/d?sslmode=prefer":
        "its sslmode is not one of disable, require",
      "postgres://invoked:pass-word@h/d?sslmod=disable": 'its parameter "sslmod" is not one of',
      "postgres://invoked:pass-word@h/d?sslmode=verify-ca": "verify-ca needs sslrootcert=FILE",
      "postgres://invoked:pass-word@h:99999/d": "it is not a URL",
      "postgres://invoked:pass-word@h,i/d":
        "it names several servers; add target_session_attrs=read-write",
      "postgres://invoked:pass-word@h,i:0x1/d": 'its server "i:0x1" is not HOST or HOST:PORT',
      "postgres://invoked:pass-word@h,h:5432/d": "it names the server h:5432 twice",
      "postgres://invoked:pass-word@h,/d": 'its server "" is not HOST or HOST:PORT',
      "postgres://invoked:pass-word@h,i/d?target_session_attrs=any":
        "its target_session_attrs is not read-write or primary",
      "postgres://invoked:pass-word@/d?host=h,i": "write @HOST:PORT,HOST:PORT/",
      "postgres://invoked:pass-word@h,i/d?host=/run": "it names a unix socket and other servers",
    };
    for (const [given, error] of Object.entries(errors)) {
      const message = await failure(["db", "migrate", "--database", given], {}, 2);
      assert.ok(message.includes(`Invalid --database: `) && message.includes(error), message);
    }
  });

  await t.step("what cannot be reached, or rejects the user, is named", async () => {
    const migrate = (database: string, env = {}) =>
      failure(["db", "migrate", "--database", database], env);
    assert.match(
      await migrate(url.replace("pass-word", "wrong")),
      /rejects the password of user invoked/,
    );
    assert.match(
      await migrate(url.replace(":pass-word", "")),
      /asks for a password of user invoked/,
    );
    assert.match(await migrate(postgres.url("none")), /the database does not exist/);
    assert.match(
      await migrate(url.replace(`:${postgres.port}`, ":1")),
      /no PostgreSQL listens at 127\.0\.0\.1:1/,
    );
    const two = url.replace(`:${postgres.port}`, ":1,localhost:2");
    assert.match(
      await migrate(`${two}?target_session_attrs=read-write`),
      /database test_1 on 127\.0\.0\.1:1, localhost:2 has no primary: server 127\.0\.0\.1:1 is not reachable: no .*; server localhost:2 is not reachable: no PostgreSQL listens at localhost:2/,
    );
    assert.match(await migrate(`${url}?sslmode=require`), /PostgreSQL offers no TLS/);
    const latin = await postgres.database("template template0 encoding latin1 locale 'C'");
    assert.match(await migrate(latin), /its encoding is LATIN1, and must be UTF8/);
    await postgres.query("create role guest login password 'pass-word'");
    const foreign = await postgres.database();
    assert.match(
      await migrate(foreign.replace("//invoked:", "//guest:")),
      /database test_3 on \S+ was not migrated: permission denied for schema public; make the user/,
    );
    const readOnly = await postgres.database();
    await postgres.query("alter database test_4 set default_transaction_read_only = on");
    assert.match(await migrate(readOnly), /it is read-only/);
  });

  await t.step(
    "db migrate says from and to, and takes the password from a file or PGPASSWORD",
    async () => {
      const without = url.replace(":pass-word", "");
      const file = `${directory.path}/password`;
      await Deno.writeTextFile(file, `${SECRET}\n`);
      const first = await runInvoked([
        "db",
        "migrate",
        "--database",
        without,
        "--database-password-file",
        file,
      ]);
      assert.match(
        first.stdout,
        /^Migrated database test_1 on 127\.0\.0\.1:\d+ from an empty database to \d{3}_/,
      );
      const second = await runInvoked(["db", "migrate", "--json"], {
        env: { INVOKED_DATABASE: without, PGPASSWORD: SECRET },
      });
      const { from, to } = JSON.parse(second.stdout);
      assert.equal(from, to);
    },
  );

  await t.step("config shows the URL without its password", async () => {
    const { stdout } = await runInvoked(["config", "--json", "--database", url]);
    assert.ok(!stdout.includes(SECRET));
    assert.match(
      JSON.parse(stdout)["database.url"].value,
      /^postgres:\/\/invoked:\*+@127\.0\.0\.1:/,
    );
  });

  await t.step(
    "serve rejects a later database, and a directory that another database was used with",
    async () => {
      const later = await postgres.database();
      await runInvoked(["db", "migrate", "--database", later]);
      await postgres.query("insert into kysely_migration values ('999_later', '')", "test_5");
      assert.match(
        await failure(["serve", ...data, "--port", "0", "--database", later]),
        /by a later version of invoked: it has the migration 999_later/,
      );
      await Deno.writeTextFile(`${directory.path}/data/credentials.json`, "{}");
      const empty = await postgres.database();
      assert.match(
        await failure(["serve", ...data, "--port", "0", "--database", empty]),
        /does not belong to database test_6 on .*: the database is empty, and .*credentials\.json shows that the directory was in use/,
      );
    },
  );
});
