/** Failing commands: the reason, the next step and the exit code. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { assertFails, Author } from "./support.ts";

Deno.test("a command names the violation of the function or the request", async (t) => {
  await using author = await Author.startShared("faulty");
  const client = await author.server.client();

  await t.step("nothing is published", async () => {
    await author.ok(["deploy"]);
    await author.fails(["invoke"], 1, /NO_PUBLISHED_COMMIT/, /invoked publish/);
    await author.fails(["rollback"], 1, /no commit was ever published/, /invoked publish/);
  });
  await t.step("nothing else was published that rollback could publish again", async () => {
    await author.write("main.ts", "export default () => ({ version: 2 });\n");
    await author.ok(["deploy", "--publish"]);
    await author.fails(["rollback"], 1, /no other commit was published/, /--to/);
  });
  await t.step("the code does not build", async () => {
    await author.write("main.ts", "export default () => {\n  retrn 1;\n};\n");
    await author.fails(
      ["deploy"],
      3,
      /main\.ts:2:9: SyntaxError.*\(BUILD_FAILED\)/s,
      /correct the code/,
    );
  });
  await t.step("the code has wrong types", async () => {
    const wrong = `const n: number = "a";\nexport default () => ({ n });\n`;
    await author.write("main.ts", wrong);
    const checked = await author.run(["check"]);
    assert.equal(checked.code, 3);
    assert.equal(
      checked.stdout,
      "main.ts:1:7: TS2322: Type 'string' is not assignable to type 'number'.\n",
    );
    assert.match(checked.stderr, /^error: 1 type error in /m);
    await author.ok(["deploy", "--publish"]);
    await author.write("main.ts", "export default async () => {};\n");
    const nothing = await author.run(["check", "--json"]);
    assert.equal(nothing.code, 3);
    const message = "The default export returns nothing, not a JSON object";
    assert.deepEqual(JSON.parse(nothing.stdout).diagnostics, [
      { path: "main.ts", line: 1, column: 1, message },
    ]);
    await author.ok(["deploy", "--publish"]);
  });
  await t.step("the function throws", async () => {
    await author.write("main.ts", `export default () => { throw new Error("no\\x1b[2Jluck"); };\n`);
    await author.ok(["deploy", "--publish"]);
    await author.fails(
      ["invoke"],
      3,
      /UNCAUGHT: Error: no \[2Jluck\n {4}at .*main\.ts:1:/,
      /invoked logs/,
    );
    const { status, error } = JSON.parse((await author.run(["invoke", "--json"])).stdout);
    assert.deepEqual([status, error.split(":")[0]], ["ERROR", "UNCAUGHT"]);
  });
  await t.step("the input is not an object", async () => {
    const violations = [
      ["[1]", /not a JSON object but an array$/m],
      ["1", /not a JSON object$/m],
      [`{"a":1,}`, /not a JSON object at line 1, column 8: Expected double-quoted/],
      ['{\n"a": x}', /not a JSON object at line 2, column 6: Unexpected token 'x'$/m],
      ["@/nowhere", /Failed to read the input \/nowhere/],
    ] as const;
    for (const [input, message] of violations) {
      await author.fails(["invoke", "--input", input], 2, message);
    }
    await author.fails(
      ["dev", "--input", "{"],
      2,
      /Invalid input in --input: it is not a JSON object/,
    );
  });
  await t.step("a name is unknown, or the name of several", async () => {
    await author.fails(["show", "fautly"], 1, /Function "fautly" not found/, /mean faulty\?/);
    await client.createFunction("twin");
    const { function: other } = await client.createFunction("twin");
    await author.fails(["show", "twin"], 1, /several functions with the name "twin"/, /use the id/);
    assert.equal((await author.json("show", other.id)).id, other.id);
  });
  await t.step("the folder has no function", async () => {
    const options = { cwd: "/" };
    await author.fails(["deploy"], 2, /Folder \/ has no invoked\.json/, /invoked init/, options);
    await author.fails(["invoke"], 2, /no invoked\.json/, /name a function/, options);
    const again = await author.run(["init"]);
    assertFails(
      again,
      1,
      /already has main\.ts, invoked\.json, deno\.json, \.gitignore/,
      /another/,
    );
  });
  await t.step("the folder holds a link, which could lead out of it", async () => {
    await Deno.symlink("/etc/passwd", join(author.folder, "link.txt"));
    await author.fails(["deploy"], 1, /link\.txt is neither/, /a copy/);
    await Deno.remove(join(author.folder, "link.txt"));
  });
  await t.step("invoked.json has an unknown field", async () => {
    await author.write("invoked.json", `{"name": "faulty", "secret": "x"}`);
    await author.fails(
      ["deploy"],
      2,
      /Invalid \S+.*invoked\.json: .*"secret"/,
      /its fields are \$schema, id, name/,
    );
  });
  await t.step("invoked.json has fields of other types", async () => {
    await author.write("invoked.json", `{"name": 7, "allowlist": "a.example", "timeout": 5}`);
    const violations =
      "name: must be a string; it is a number; allowlist: must be an array; it is a string; " +
      "timeout: must be a duration";
    await author.fails(["deploy"], 2, new RegExp(violations), /correct what the message names; /);
  });
  await t.step("invoked.json is no JSON", async () => {
    for (
      const [text, position] of [["{", "1, column 2"], [
        `{\n"name":\n  faulty}`,
        "3, column 3",
      ]] as const
    ) {
      await author.write("invoked.json", text);
      for (const command of ["deploy", "logs"]) {
        const message = new RegExp(`invoked\\.json: it is not JSON at line ${position}: `);
        await author.fails([command], 2, message, /correct it/);
      }
    }
  });
  await t.step("a commit is named for tests that run on the files of the folder", async () => {
    await author.fails(["test", "--commit", "v1"], 2, /--commit needs --remote/, /--remote/);
  });
});

Deno.test("every failure is one sentence, or has one prefix that says what the command attempted", async () => {
  await using author = await Author.startShared("prefixed");
  await author.ok(["deploy"]);
  await author.ok(["tag", ".", "v1"]);
  await author.write("other.ts", "export {};\n");
  await author.ok(["deploy"]);
  await author.ok(["volumes", "create", "prefixed"]);
  const commands: readonly (readonly string[])[] = [
    ["tag", ".", "v1"],
    ["tag", ".", "not a tag name"],
    ["publish", ".", "none"],
    ["invoke"],
    ["invoke", "nobody"],
    ["invoke", "--volume", "3MZ8WBshv6UBWatqD860Qi5Vmgu"],
    ["show", ".", "latest"],
    ["secrets", "unset", ".", "KEY"],
    ["test", "--remote"],
    ["list", "--limit", "0"],
    ["volumes", "create", "prefixed"],
    ["volumes", "cat", "prefixed:/none"],
    ["volumes", "restore", "prefixed", "7"],
    ["serve", "--isolation", "none"],
    ["serve", "--port", "0"],
  ];
  await Promise.all(commands.map(async (command) => {
    const { code, stderr } = await author.run(command);
    assert.notEqual(code, 0, command.join(" "));
    const [error = "", ...others] = stderr.split("\n").filter((line) =>
      !/^(?:next: |$)/.test(line)
    );
    assert.deepEqual(others, [], stderr);
    assert.match(
      error,
      /^error: [A-Z"].+(?<!\.)$/,
      command.join(" "),
    );
    assert.doesNotMatch(error, /Cannot |n't\b/, command.join(" "));
  }));
});

Deno.test("the server and the credentials come from variables, flags and files", async (t) => {
  await using author = await Author.startShared("finder");
  const { serverUrl, clientId, clientSecret } = await author.server.credentials();
  const named = {
    CONDUCTORONE_SERVER_URL: serverUrl,
    CONDUCTORONE_CLIENT_ID: clientId,
    CONDUCTORONE_CLIENT_SECRET: clientSecret,
  };
  const run = (args: readonly string[], env: Readonly<Record<string, string>>, cwd = "/") =>
    runInvoked(args, { env, cwd });

  await t.step("C1's variables alone are enough", async () => {
    assert.equal((await run(["list"], named)).code, 0);
    const token = (await run(["token"], named)).stdout.trim();
    const withToken = { CONDUCTORONE_SERVER_URL: serverUrl, CONDUCTORONE_ACCESS_TOKEN: token };
    assert.equal((await run(["list"], withToken)).code, 0);
    const lone = [{ CONDUCTORONE_CLIENT_ID: clientId }, { CONDUCTORONE_OIDC_TOKEN: "x.y.z" }];
    for (const beside of lone) {
      assert.equal((await run(["list"], { ...withToken, ...beside })).code, 0);
    }
  });
  await t.step(
    "those of invoked have the same meaning, and C1's are ignored beside them",
    async () => {
      const own = {
        INVOKED_SERVER_URL: serverUrl,
        INVOKED_CLIENT_ID: clientId,
        INVOKED_CLIENT_SECRET: clientSecret,
      };
      const c1 = {
        CONDUCTORONE_SERVER_URL: "http://127.0.0.1:9",
        CONDUCTORONE_ACCESS_TOKEN: "of another server",
        CONDUCTORONE_CLIENT_ID: "half",
      };
      assert.equal((await run(["list"], { ...own, ...c1 })).code, 0);
      const token = (await run(["token"], own)).stdout.trim();
      const withToken = { INVOKED_SERVER_URL: serverUrl, INVOKED_ACCESS_TOKEN: token, ...c1 };
      assert.equal((await run(["list"], withToken)).code, 0);
      // A token of C1 never reaches the server that an INVOKED_* variable names.
      const mixed = { INVOKED_SERVER_URL: serverUrl, ...c1, CONDUCTORONE_ACCESS_TOKEN: token };
      await using nowhere = await makeTempDir();
      const lost = await run(["list"], mixed, nowhere.path);
      assertFails(lost, 4, /Failed to read the credentials/, /INVOKED_\* or CONDUCTORONE_\*/);
      const half = { INVOKED_CLIENT_ID: clientId };
      assertFails(
        await run(["list"], half),
        2,
        /INVOKED_CLIENT_ID and INVOKED_CLIENT_SECRET belong/,
      );
      // The server knows them as no settings, and starts.
      assert.equal((await run(["config"], own)).code, 0);
    },
  );
  await t.step("they win over the data directory", async () => {
    const wrong = {
      ...named,
      CONDUCTORONE_CLIENT_SECRET: "x",
      INVOKED_DATA: author.server.dataDir,
    };
    assertFails(await run(["list"], wrong), 4, /invalid_client/, /check the client id/);
    const expired = { CONDUCTORONE_SERVER_URL: serverUrl, CONDUCTORONE_ACCESS_TOKEN: "x.y.z" };
    assertFails(await run(["list"], expired), 4, /TOKEN_INVALID/, /check the credentials/);
  });
  await t.step("half of them, and credentials of another server, are rejected", async () => {
    const half = { CONDUCTORONE_CLIENT_ID: clientId };
    assertFails(await run(["list"], half), 2, /belong together/);
    const { CONDUCTORONE_SERVER_URL: _, ...homeless } = named;
    assertFails(
      await run(["list"], homeless),
      2,
      /no variable names a server/,
      /INVOKED_SERVER_URL/,
    );
    const other = ["list", "--server", "http://127.0.0.1:9", "--data", author.server.dataDir];
    assertFails(await run(other, {}), 4, /are for http:\S+, not for/, /INVOKED_CLIENT_ID/);
    assertFails(
      await run(["list", "--server", "localhost"], named),
      2,
      /--server: "localhost" is not/,
    );
  });
  await t.step("a data directory of a folder above is found", async () => {
    await using home = await makeTempDir();
    await Deno.symlink(author.server.dataDir, join(home.path, ".invoked"));
    const below = join(home.path, "a", "b");
    await Deno.mkdir(below, { recursive: true });
    assert.equal((await run(["list"], {}, below)).code, 0);
  });
  await t.step("without any, the next step is named", async () => {
    await using nowhere = await makeTempDir();
    const lost = await run(["list"], {}, nowhere.path);
    assertFails(lost, 4, /credentials\.json: the file does not exist/, /invoked serve/);
  });
});

Deno.test("an unreachable server is reported with the cause and the step that helps", async () => {
  const listen = (url: string) =>
    runInvoked(["list"], { env: { INVOKED_SERVER_URL: url, INVOKED_ACCESS_TOKEN: "x" } });
  // No port that another test may be given.
  const local = await listen("http://127.0.0.1:2");
  assertFails(
    local,
    4,
    /127\.0\.0\.1:\d+ is not reachable: tcp connect error: Connection refused/,
    /invoked serve/,
  );
  const remote = await listen("https://tenant.invalid");
  assertFails(
    remote,
    4,
    /https:\/\/tenant\.invalid is not reachable: dns error: /,
    /check the URL and the network/,
  );
  assert.doesNotMatch(remote.stderr, /invoked serve|fetch failed/);
});

Deno.test("a missing endpoint of an addition is named, and the rest works", async () => {
  const fn = { id: "2MZ8VJauApMCMqaywVliX1IMMI6", displayName: "there", secret: null };
  const invocation = {
    id: "2MZ8WXmU9CEJvlsL9bEGOJWK2Kg",
    status: "FUNCTION_INVOCATION_STATUS_SUCCESS",
  };
  const commit = { id: "2MZ8Y1yRkGkq3S3YjY0yQ0oQ5xV", message: "an earlier one" };
  const answers: Readonly<Record<string, unknown>> = {
    "POST /api/v1/search/functions": { list: [fn], nextPageToken: "" },
    [`GET /api/v1/functions/${fn.id}/commits/${commit.id}`]: { commit, files: {} },
    "POST /api/v1/functions/update": { function: { ...fn, publishedCommitId: commit.id } },
    [`GET /api/v1/functions/${fn.id}/invocations`]: { list: [invocation] },
    [`GET /api/v1/functions/${fn.id}/invocations/${invocation.id}`]: { invocation },
    [`GET /api/v1/functions/${fn.id}/commits`]: { list: [{ id: commit.id }] },
    [`GET /api/v1/functions/${fn.id}/tags`]: {},
    [`POST /api/v1/functions/${fn.id}/invoke`]: { invocationId: invocation.id, json: "e30=" },
    "GET /api/v1/auth/introspect": { principleId: "2MZ8", roles: null },
    "GET /api/v1/iam/personal_clients": { list: [{ displayName: "without an id" }] },
  };
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const answer = answers[`${request.method} ${new URL(request.url).pathname}`];
    return answer === undefined
      ? Response.json({ code: 5, message: "Not Found", details: [] }, { status: 404 })
      : Response.json(answer);
  });
  const env = {
    CONDUCTORONE_SERVER_URL: `http://127.0.0.1:${server.addr.port}`,
    CONDUCTORONE_ACCESS_TOKEN: "token",
  };
  const run = (...args: string[]) => runInvoked(args, { env });
  assert.match((await run("history", "there")).stdout, new RegExp(`^${invocation.id}\tSUCCESS`));
  const read = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout);
  const [{ description, head, processReuse, secret, effectiveLimits }] = await read("list");
  assert.deepEqual(
    { description, head, processReuse, secret, effectiveLimits },
    {
      description: "",
      head: undefined,
      processReuse: "PROCESS_REUSE_NONE",
      secret: [],
      effectiveLimits: {},
    },
  );
  const { commits, tags } = await read("show", "there");
  assert.deepEqual([commits, tags], [[{ id: commit.id, message: "", author: "" }], []]);
  const { status, trigger, attempts } = await read("show", "there", invocation.id);
  assert.deepEqual([status, trigger, attempts], ["SUCCESS", { kind: "api" }, []]);
  assert.equal((await run("invoke", "there")).code, 0);
  const { principalId, tenantId, roles, permissions } = await read("whoami");
  assert.deepEqual([principalId, tenantId, roles, permissions], ["2MZ8", "", [], []]);
  assertFails(
    await run("clients", "list"),
    4,
    /Failed to list clients: the response of \S+ does not match the API at list\.0\.id/,
    /of an invoked server or of a C1 tenant/,
  );
  for (const args of [["logs", "there"], ["logs", "there", invocation.id, "--follow"]]) {
    assertFails(
      await run(...args),
      1,
      /The server does not support (live )?logs/,
      /C1's own API/,
    );
  }
  assertFails(
    await run("history", "there", "--query", "x"),
    1,
    /The server does not support the search of invocations/,
  );
  assertFails(
    await run("tag", "there", "v1", "--delete"),
    1,
    /The server does not support the deletion of tags/,
  );
  assertFails(
    await run("rollback", "there"),
    1,
    /The server does not support the history of publishes/,
    /--to/,
  );
  const rolledBack = await run("rollback", "there", "--to", commit.id);
  assert.match(rolledBack.stdout, new RegExp(`^Published there ${commit.id} `));
});
