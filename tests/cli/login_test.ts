/** `invoked login`, `logout` and `whoami`: profiles, and which credentials a command uses. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { assertFails } from "./support.ts";

Deno.test("a user logs in, works with profiles and logs out", async (t) => {
  await using server = await TestServer.start();
  await using home = await makeTempDir();
  const { serverUrl, clientId, clientSecret } = await server.credentials();
  const folder = join(home.path, ".config", "invoked", "profiles");
  const run = (args: readonly string[], options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly stdin?: string;
    readonly cwd?: string;
  } = {}) =>
    runInvoked(args, {
      cwd: home.path,
      ...options,
      env: { HOME: home.path, ...options.env },
    });
  const login = (secret: string, ...args: string[]) =>
    run(["login", "--server", serverUrl, "--client-id", clientId, ...args], { stdin: secret });
  const sourceOf = async (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    cwd = home.path,
  ) => {
    const { code, stdout, stderr } = await run(["whoami", "--json", ...args], { env, cwd });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).credentials;
  };

  await t.step("credentials that the server does not accept are not kept", async () => {
    assertFails(await login("wrong"), 4, /invalid_client/, /check the client id/);
    assertFails(await login(""), 2, /The client secret is empty/, /stdin/);
    assertFails(
      await run(["login", serverUrl, "--client-id"], { stdin: clientSecret }),
      2,
      /No answer to "Client id"/,
      /--client-id ID/,
    );
    assertFails(
      await run(["login", serverUrl, "--server", "http://127.0.0.1:9"]),
      2,
      /Two servers are given/,
      /the URL once/,
    );
    assertFails(
      await run(["login", serverUrl, "--role", "root"]),
      2,
      /Invalid --role: root is no role/,
      /system:viewer/,
    );
    await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
  });
  await t.step("the profile is this user's alone, and commands use it", async () => {
    const { code, stdout, stderr } = await login(`${clientSecret}\n`);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `Logged in to ${serverUrl} as ${clientId}: profile default\n`);
    assert.ok(!stderr.includes(clientSecret));
    const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assert.equal(await modeOf(folder), 0o700);
    assert.equal(await modeOf(join(folder, "default.json")), 0o600);
    assert.match((await run(["list"])).stdout, /^hello\t/);
  });
  await t.step("whoami prints the server, the profile and the principal", async () => {
    const { stdout } = await run(["whoami"]);
    assert.match(stdout, new RegExp(`^server +${serverUrl}\ncredentials +profile default\n`));
    assert.match(stdout, /^roles +system:owner$/m);
    const who = JSON.parse((await run(["whoami", "--json"])).stdout);
    const { serverUrl: url, profile, clientId: client, principalId, roles, permissions } = who;
    assert.deepEqual([url, profile, client], [serverUrl, "default", clientId]);
    assert.deepEqual(roles, [BUILTIN_ROLE_IDS["system:owner"]]);
    assert.ok(permissions.includes("permission/c1.api.auth.v1.Auth.Introspect"), permissions);
    assert.match(principalId, /^[0-9A-Za-z]{27}$/);
  });
  await t.step("a profile is chosen by the flag or the variable", async () => {
    const { stderr } = await login(clientSecret, "--profile", "production");
    assert.match(stderr, /^Use it with --profile production or INVOKED_PROFILE=production; /m);
    assert.equal(await sourceOf(["--profile", "production"]), "profile production");
    assert.equal(await sourceOf([], { INVOKED_PROFILE: "production" }), "profile production");
    const listed = JSON.parse((await run(["whoami", "--profiles", "--json"])).stdout);
    assert.deepEqual(listed.map(({ name }: { name: string }) => name), ["default", "production"]);
  });
  await t.step("precedence: flag, variables, --data, INVOKED_PROFILE, data directory", async () => {
    const INVOKED_PROFILE = "production";
    const variables = {
      INVOKED_SERVER_URL: serverUrl,
      INVOKED_CLIENT_ID: clientId,
      INVOKED_CLIENT_SECRET: clientSecret,
    };
    const file = join(server.dataDir, "credentials.json");
    const flag = ["--profile", "default"];
    const elsewhere = { INVOKED_SERVER_URL: "http://127.0.0.1:9", INVOKED_ACCESS_TOKEN: "x" };
    assert.equal(await sourceOf(flag, { ...elsewhere, INVOKED_PROFILE }), "profile default");
    const data = ["--data", server.dataDir];
    assert.equal(await sourceOf(data, { ...variables, INVOKED_PROFILE }), "environment variables");
    assert.equal(await sourceOf(data, { INVOKED_PROFILE }), file);
    const both = { INVOKED_PROFILE, INVOKED_DATA: server.dataDir };
    assert.equal(await sourceOf([], both), "profile production");
    assert.equal(await sourceOf([], { INVOKED_DATA: server.dataDir }), file);
    const below = join(home.path, "project");
    await Deno.mkdir(below);
    await Deno.symlink(server.dataDir, join(below, ".invoked"));
    assert.equal(await sourceOf([], {}, below), join(below, ".invoked", "credentials.json"));
    assertFails(await run(["whoami", ...flag, ...data]), 2, /cannot be used with option '--data/);
  });
  await t.step(
    "credentials reach no other server, and a login replaces none of another",
    async () => {
      assertFails(
        await run(["list", "--server", "http://127.0.0.1:9"]),
        4,
        /profile default are for http:\S+, not for http:\/\/127\.0\.0\.1:9/,
        /invoked login/,
      );
      const path = join(folder, "default.json");
      const profile = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, profile.replace(serverUrl, "https://other.example"));
      assertFails(
        await login(clientSecret),
        2,
        /default is for another server, https:\/\/other\.example/,
        /--profile/,
      );
      await Deno.writeTextFile(path, profile);
    },
  );
  await t.step("a profile that others can read or replace is rejected", async () => {
    const path = join(folder, "default.json");
    await Deno.chmod(path, 0o640);
    assertFails(await run(["list"]), 2, /other users can read it \(mode 0640\)/, /chmod 600/);
    assert.match(
      (await run(["whoami", "--profiles"])).stdout,
      /^default\t.* is not private: .*0640/m,
    );
    await Deno.chmod(path, 0o600);
    await Deno.chmod(folder, 0o770);
    assertFails(await run(["list"]), 2, /other users can write into it/, /chmod 700/);
    await Deno.chmod(folder, 0o700);
  });
  await t.step("a name is no path, and an unknown one is reported with the others", async () => {
    for (const name of ["../default", "", ".hidden", "a/b", "x".repeat(65)]) {
      assertFails(await run(["list", "--profile", name]), 2, /^error: Invalid profile name "/);
    }
    const unknown = await run(["list", "--profile", "nobody"]);
    assertFails(unknown, 2, /Profile nobody not found/, /use one of default, production/);
  });
  if (Deno.uid() === 0) {
    await t.step("a data directory of another user in this folder chooses no server", async () => {
      const foreign = join(home.path, "foreign");
      await Deno.mkdir(join(foreign, ".invoked"), { recursive: true });
      const path = join(foreign, ".invoked", "credentials.json");
      await Deno.copyFile(join(server.dataDir, "credentials.json"), path);
      await Deno.chown(path, 65534, 65534);
      assert.equal(await sourceOf([], {}, foreign), "profile default");
      const env = { XDG_CONFIG_HOME: foreign };
      const alone = await run(["list"], { cwd: foreign, env });
      assertFails(alone, 4, /credentials\.json: the file belongs to another user/);
    });
  }
  await t.step("logout removes the profile", async () => {
    const { code, stdout } = await run(["logout"]);
    assert.equal(code, 0);
    assert.match(stdout, /the client keeps its secret on the server/);
    assertFails(await run(["logout"]), 1, /default\.json does not exist/, /whoami --profiles/);
    assertFails(
      await run(["list"]),
      4,
      /credentials\.json: the file does not exist/,
      /invoked login/,
    );
    const kept = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    assert.deepEqual(kept, ["production.json"]);
    const env = { HOME: "relative", XDG_CONFIG_HOME: "" };
    assertFails(await run(["logout"], { env }), 2, /names no home directory/, /XDG_CONFIG_HOME/);
  });
});

Deno.test("a server that gives no token for now says when to try again", async () => {
  await using server = await TestServer.start({ flags: ["--token-rate", "1"] });
  const list = () => runInvoked(["list", "--data", server.dataDir]);
  assert.equal((await list()).code, 0);
  assertFails(await list(), 4, /temporarily_unavailable/, /try again in \d+ s/);
});

Deno.test("a login by browser and a logout end with a reason where the server is of no help", async (t) => {
  await using home = await makeTempDir();
  const folder = join(home.path, ".config", "invoked", "profiles");
  const run = (...args: string[]) => runInvoked(args, { env: { HOME: home.path } });
  const answers: (() => Response)[] = [];
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => answers.shift()?.() ?? new Response("no such page", { status: 404 }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  const begun = {
    ...{ device_code: "x", user_code: "BCDF-GHJK", expires_in: 600, interval: 0.1 },
    verification_uri: `${url}/device`,
  };

  await t.step("a server without the device flow", async () => {
    assertFails(await run("login", url), 4, /signs in no browser.*status 404/, /give --client-id/);
    answers.push(() => Response.json({ error: "invalid_client" }, { status: 401 }));
    assertFails(await run("login", url), 4, /invalid_client/, /give --client-id/);
    assertFails(await run("login", "http://127.0.0.1:9"), 4, /not reachable/, /check|start/);
  });
  await t.step(
    "what the server sends reaches the terminal without control characters",
    async () => {
      const controls = "\u001b[2J\u009b2J\u202e\u0007";
      const denied = () => Response.json({ error: "access_denied" }, { status: 400 });
      const hostile = {
        ...begun,
        user_code: `BCDF${controls}`,
        verification_uri: `${url}/plain`,
        verification_uri_complete: `${url}/device?a=${controls}#${controls}`,
      };
      answers.push(() => Response.json(hostile), denied);
      const { stderr } = await run("login", url);
      assert.match(stderr, /^ {2}http:\S+\/device\?a=%1B\[2J%C2%9B2J%E2%80%AE%07#/m);
      // deno-lint-ignore no-control-regex
      const unprintable = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/;
      assert.doesNotMatch(stderr, unprintable);
      // No page in a browser.
      answers.push(() => Response.json({ ...begun, verification_uri: "javascript:alert(1)" }));
      assertFails(await run("login", url), 4, /signs in no browser/, /give --client-id/);
      for (const error of [`x${controls}`, "invalid_scope"]) {
        const rejected = { error, error_description: controls };
        answers.push(() => Response.json(rejected, { status: 400 }));
        assert.doesNotMatch((await run("login", url)).stderr, unprintable);
      }
      // The token, the new client and its principal.
      answers.push(
        () => Response.json(begun),
        () => Response.json({ access_token: "x" }),
        () => Response.json({ client: { id: "i", clientId: `c${controls}` }, clientSecret: "s" }),
        () => Response.json({ access_token: "x" }),
        () => Response.json({ principleId: `p${controls}` }),
      );
      const { code, stdout } = await run("login", url, "--json");
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, unprintable);
      assert.equal(JSON.parse(stdout).principalId, `p${controls}`);
      await Deno.remove(folder, { recursive: true });
    },
  );
  await t.step("no server makes the command wait for long", async () => {
    const endless: [string, unknown, number][] = [
      ["interval", 61, 60],
      ["interval", 1e10, 60],
      ["interval", -1, 60],
      ["interval", "soon", 60],
      ["expires_in", 3601, 3600],
    ];
    for (const [field, value, most] of endless) {
      answers.push(() => Response.json({ ...begun, [field]: value }));
      const said = `${field} ${
        JSON.stringify(value)
      }: must be a number of seconds above 0, and at most ${most}`;
      assertFails(await run("login", url), 4, new RegExp(said), /give --client-id/);
    }
    // A command that slows down still ends with the code.
    answers.push(
      () => Response.json({ ...begun, expires_in: 0.3 }),
      () => Response.json({ error: "slow_down" }, { status: 400 }),
      () => Response.json({ error: "slow_down" }, { status: 400 }),
    );
    assertFails(await run("login", url), 1, /Nobody approved the sign-in in time/, /again/);
    answers.length = 0;
  });
  await t.step("polls go on until the server decides", async () => {
    const ends: [string, number, RegExp][] = [
      ["access_denied", 1, /denied in the browser/],
      ["expired_token", 1, /Nobody approved the sign-in in time/],
      ["invalid_grant", 4, /the server responded invalid_grant/],
    ];
    for (const [error, code, message] of ends) {
      answers.push(
        () => Response.json(begun),
        () => Response.json({ error: "authorization_pending" }, { status: 400 }),
        () => Response.json({ error }, { status: 400 }),
      );
      assertFails(await run("login", url), code, message, /run invoked login again/);
    }
    await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
  });
  await t.step("a logout keeps the profile whose client it could not delete", async () => {
    const profile = { serverUrl: url, clientId: "a@b/pcc", clientSecret: "c" };
    const path = join(folder, "default.json");
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const keep = () =>
      Deno.writeTextFile(path, JSON.stringify({ ...profile, personalClientId: "id" }), {
        mode: 0o600,
      });
    await keep();
    assertFails(await run("logout"), 4, /status 404/, /invoked logout --local/);
    assert.ok((await Deno.stat(path)).isFile);
    const { stdout } = await run("logout", "--local");
    assert.match(stdout, /^Removed profile default; the client keeps its secret/);
    await keep();
    answers.push(() => Response.json({ error: "invalid_client" }, { status: 401 }));
    // Somebody has deleted the client already.
    assert.match((await run("logout")).stdout, /deleted its client/);
  });
});
