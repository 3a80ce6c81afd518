import assert from "node:assert/strict";
import { assertFails, Author } from "./support.ts";

/** No other test has a volume of this name on the server that they share. */
const VOLUME = "limits";

Deno.test("invoked.json and settings set limits, variables and the volume of a function", async (t) => {
  await using author = await Author.startShared("limited");
  const settings = async () => await author.json("settings", "list");
  const manifest = {
    name: "limited",
    timeout: "59500ms",
    memoryMib: 64,
    maxConcurrency: 2,
    retention: "30d",
  };
  const write = (more: Record<string, unknown>) =>
    author.write("invoked.json", JSON.stringify({ ...manifest, ...more }));

  await t.step("deploy sets what invoked.json names, and adds --var", async () => {
    await write({ volume: VOLUME, variables: { STAGE: "dev", KEPT: "" } });
    await author.fails(["deploy"], 1, /Volume "limits" not found/, /volumes create/);
    await author.fails(["show"], 1, /Function "limited" not found/, /invoked deploy/);
    const volume = await author.json("volumes", "create", VOLUME);
    const deployed = await author.json("deploy", "--publish", "--var", "STAGE=a=b");
    assert.deepEqual(
      deployed.settings,
      ["timeout", "memoryMib", "maxConcurrency", "retention", "vfsId", "variables"],
    );
    const { vfsId, variables, effectiveLimits } = await settings();
    assert.deepEqual([vfsId, variables], [volume.id, { STAGE: "a=b", KEPT: "" }]);
    const limits = {
      timeout: "59.500s",
      cpuTimeout: "30s",
      memoryMib: 64,
      maxConcurrency: 2,
      retention: "2592000s",
    };
    assert.deepEqual(effectiveLimits, limits);
    assert.deepEqual((await author.json("deploy", "--var", "STAGE=a=b")).settings, []);
    const shown = await author.ok(["show"]);
    assert.match(
      shown,
      /^limits +timeout 59\.500s, CPU time 30 s, memory 64 MiB, concurrency 2 invocations, retention 30 d$/m,
    );
    assert.match(shown, /^variables +STAGE=a=b$/m);
  });
  await t.step(
    "invoke attaches the bound volume, and show has the limits of the invocation",
    async () => {
      await author.ok(["invoke", "limited"]);
      const shown = await author.ok(["show", "limited", "latest"]);
      assert.match(shown, /^limits +timeout 59\.500s, /m);
      assert.match(shown, /^volume +limits \(\w{27}\), read at version 0$/m);
    },
  );
  await t.step("settings set and unset change single ones", async () => {
    const token = `secret-token:${"a1".repeat(12)}`;
    const warned = await author.run(["settings", "set", "limited", `variables.TOKEN=${token}`]);
    assert.match(warned.stderr, /^Warning: variable TOKEN looks like a secret, .*secrets set$/m);
    await author.ok(["settings", "unset", "limited", "variables.TOKEN"]);
    const set = await author.run(["settings", "set", "limited", "timeout=2s", "variables.B=2"]);
    assert.deepEqual([set.code, set.stderr], [0, ""]);
    await author.ok(["settings", "unset", "limited", "memoryMib", "variables.STAGE", "volume"]);
    const { timeout, memoryMib, vfsId, variables } = await settings();
    assert.deepEqual([timeout, memoryMib, vfsId], ["2s", 0, ""]);
    assert.deepEqual(variables, { KEPT: "", B: "2" });
    assert.match(await author.ok(["settings", "list"]), /^memoryMib\t\t128$/m);
    assert.match(await author.ok(["settings", "list"]), /^retention\t30 d\t30 d$/m);
    await author.ok(["settings", "unset", "limited", "retention"]);
    assert.match(await author.ok(["settings", "list"]), /^retention\t\tfor ever$/m);
  });
  await t.step("a default server takes 256 MiB", async () => {
    await write({ memoryMib: 256 });
    await author.ok(["deploy"]);
    assert.equal((await settings()).effectiveLimits.memoryMib, 256);
  });
  await t.step("nothing is uploaded with settings that the server rejects", async () => {
    const head = async () => (await author.json("show")).head;
    const before = await head();
    await author.write("added.ts", "export const added = 1;\n");
    await write({ memoryMib: 100_000 });
    const limit = /memoryMib: 100,000 MiB is not between 32 MiB and \S+ .iB \(--max-memory\)/;
    const next = /use a value within .* ask the operator of the server to raise --max-memory$/;
    for (const name of ["limited", "unlimited"]) {
      await write({ name, memoryMib: 100_000 });
      const rejected = await author.run(["deploy", "--publish"]);
      assertFails(rejected, 1, limit, next);
      assert.match(rejected.stderr, new RegExp(`Failed to deploy ${name}: `));
      assert.match(rejected.stderr, /^Nothing was deployed: the server rejects a setting/m);
      assert.doesNotMatch(rejected.stderr, /Uploading/);
    }
    await author.fails(["show", "unlimited"], 1, /Function "unlimited" not found/);
    await write({ timeout: "1d", variables: { TOKEN: "x" } });
    await author.fails(["deploy"], 1, /timeout: 24 h is not between .*--max-timeout/);
    await write({});
    assert.equal(await head(), before);
    await Deno.remove(`${author.folder}/added.ts`);
    const set = await author.run(["settings", "set", "limited", "memoryMib=100000"]);
    assertFails(set, 1, limit, next);
  });
  await t.step("check names settings beyond the limits of a server", async () => {
    await write({ memoryMib: 100_000, timeout: "1d" });
    const { stdout, stderr } = await author.run(["check", "--json", "--max-timeout", "1d"]);
    assert.match(
      stderr,
      /^Warning: settings beyond the limits of a server: memoryMib: 100,000 MiB is/m,
    );
    assert.deepEqual(
      JSON.parse(stdout).beyondLimits.map(({ field }: { field: string }) => field),
      ["memoryMib"],
    );
    // A fraction of a second, too.
    await write({ cpuTimeout: "999999500ms" });
    const [beyond] = (await author.json("check")).beyondLimits;
    assert.match(beyond.description, /^999,999,500 ms is not between .*--max-cpu-time/);
    await write({});
    assert.deepEqual((await author.json("check")).beyondLimits, []);
  });
  await t.step("test names them too, and runs with them", async () => {
    await author.write(
      "main.test.ts",
      `import { test } from "@c1/test";\nexport default () => test("passes", () => {});\n`,
    );
    await write({ timeout: "1d" });
    const { code, stdout, stderr } = await author.run(["test"]);
    assert.deepEqual([code, stdout], [0, "ok   passes\n"], stderr);
    assert.match(
      stderr,
      /^Warning: settings beyond .* timeout: 24 h is not between .*--max-timeout/m,
    );
    await Deno.remove(`${author.folder}/main.test.ts`);
    await write({});
  });
  await t.step("violations name the setting and the value", async () => {
    const cases = [
      [["settings", "set", "limited", "timout=2s"], 2, /Unknown setting "timout"/],
      [
        ["settings", "set", "limited", "timeout=2"],
        2,
        /timeout "2": it must be a duration with/,
      ],
      [["settings", "set", "limited", "processReuse=on"], 2, /"on": it must be PROCESS_REUSE_NONE/],
      [
        ["settings", "set", "limited", 'tenant={"id":"example"'],
        2,
        /Invalid tenant \{"id":"example": it is not JSON at line 1, column 16: /,
      ],
      [["settings", "set", "limited", "timeout"], 2, /"timeout" is not NAME=VALUE/],
      [["settings", "set", "limited", "retention=1ms"], 1, /1 ms is not between 1 s and 3,650 d/],
      [["settings", "set", "limited", "timeout=2m"], 1, /2 min is not between .*--max-timeout/],
      [["settings", "unset", "limited", "variables.NO"], 1, /has no variable of this name/],
      [["deploy", "--var", "=x"], 2, /Invalid --var: "=x" is not NAME=VALUE/],
    ] as const;
    for (const [args, code, message] of cases) {
      await author.fails(args, code, message, /\S/);
    }
    const lots = await author.run(["settings", "set", "limited", "memoryMib=lots"]);
    assertFails(lots, 2, /memoryMib "lots"/, /write it as memoryMib=256$/);
    const member = await author.run(["settings", "set", "limited", "tenant.access=WRITE"]);
    assertFails(member, 2, /Unknown setting "tenant\.access"/, /the whole value as tenant='\{/);
    await write({ timeout: "soon" });
    await author.fails(["deploy"], 2, /timeout: must be a duration with its unit/);
  });
});
