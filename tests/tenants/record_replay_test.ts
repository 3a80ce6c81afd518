/** `test --record`, `--replay`, `registerTests({ tenant })` and `dev --replay`: the real commands and a tenant over TLS. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFails, Running, UNCHECKED } from "../cli/support.ts";
import { loopbackCertificate } from "../support/certificates.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { unique } from "../triggers/support.ts";
import { startExampleTenant } from "./example_client.ts";
import { Folder, MAIN, notesOf, TESTS } from "./support/recording_folder.ts";

const DECLARED = TESTS.replace("test, type", "registerTests as declare, test, type").replace(
  "export default",
  'declare({ tenant: "recording" });\nexport default',
);

const EXAMPLE = { id: "example", access: "READ" };

// The folder in which the first of these commands runs outlives them all: their process compiles with it as its own.
Deno.test("a tenant is recorded and replayed", async (t) => {
  await using directory = await makeTempDir();
  const example = await Folder.make(directory.path, EXAMPLE);
  const acme = await Folder.make(directory.path, { id: "acme" });
  await t.step("the example tenant", (t) => onExample(t, example));
  await t.step("a tenant over TLS", (t) => withVariables(t, acme));
});

async function onExample(t: Deno.TestContext, folder: Folder): Promise<void> {
  await t.step("without a recording, tests call no tenant", async () => {
    await folder.write("main.ts", MAIN.replace("const {", "await sdk.apps.list();\nconst {"));
    const { code, stdout } = await folder.run(["test"]);
    assert.equal(code, 3);
    assert.match(stdout, /sdk\.apps\.list: tests do not call the tenant of their function/);
    await folder.write("main.ts", MAIN);
  });
  await t.step("record writes masked answers, and prints what it masked", async () => {
    const notes = notesOf(await folder.run(["test", "--record", "recording"]));
    assert.match(notes, /^Recorded 2 calls of 2 operations in recording; masked: .*\b2 names\b/m);
    const recorded = await folder.read("recording/user.get.json");
    assert.ok(!recorded.includes("User 5") && recorded.includes("Masked name 1"), recorded);
  });
  await t.step("record replaces no file that is not part of a recording", async () => {
    await folder.write("recording/README.md", "A page");
    const earlier = await folder.read("recording/user.get.json");
    const foreign: [name: string, text: string, message: RegExp][] = [
      ["tsconfig.app.json", "{}", /tsconfig\.app\.json: is named as no operation of C1/],
      ["en.messages.json", '{"format": 1, "entries": []}', /en\.messages\.json: is named as no/],
      ["package.json", "{}", /package\.json: is not named as an operation/],
      ["user.list.json", '{"name": "a list"}', /user\.list\.json: format: is missing/],
      ["Main.ts", "", /is the folder of a function: it has Main\.ts/],
    ];
    for (const [name, text, message] of foreign) {
      await folder.write(`recording/${name}`, text);
      assertFails(await folder.run(["test", "--record", "recording"]), 2, message, /folder/);
      assert.equal(await folder.read(`recording/${name}`), text);
      await Deno.remove(join(folder.path, "recording", name));
    }
    const here = await folder.run(["test", "--record", "."]);
    assertFails(
      here,
      2,
      /is the folder of a function: it has (?:invoked\.json|main\.ts)/,
      /folder/,
    );
    assert.equal(await folder.read("recording/user.get.json"), earlier);
    await folder.write("recording/user.list.json", '{"format": 1, "entries": []}');
    notesOf(await folder.run(["test", "--record", "recording"]));
    const names = await Array.fromAsync(Deno.readDir(join(folder.path, "recording")));
    assert.deepEqual(names.map(({ name }) => name).toSorted(), [
      "README.md",
      "user.get.json",
      "userSearch.search.json",
    ]);
  });
  await t.step("replay answers the recorded requests, and no others", async () => {
    notesOf(await folder.run(["test", "--replay", "recording"]));
    await folder.write("main.test.ts", TESTS.replace("user-5@", "user-6@"));
    const { code, stdout } = await folder.run(["test", "--replay", "recording"]);
    assert.equal(code, 3);
    const of = (word: string) => `POST /api/v1/search/users {"query":"${word}"}`;
    const message =
      `sdk.userSearch.search: the recording does not have the request ${of("user-6@")}; ` +
      `the nearest recorded request is ${of("user-5@")}`;
    assert.ok(stdout.includes(JSON.stringify(message).slice(1, -1)), stdout);
  });
  await t.step("a time of the clock is named, and ignored by a rule", async () => {
    const after = "new Date(Date.now() - 86_400_000)";
    const search = `await sdk.taskSearch.search({ createdAfter: ${after} });\nreturn {`;
    await folder.write("main.ts", MAIN.replace("return {", search));
    await folder.write("main.test.ts", TESTS);
    const warning =
      /^sdk\.taskSearch\.search was called with a time in createdAfter .*"any" to fields/m;
    const record = ["test", "--record", "recording"];
    // One time of a thousand has no milliseconds.
    let notes = notesOf(await folder.run(record));
    if (!warning.test(notes)) notes = notesOf(await folder.run(record));
    assert.match(notes, warning);
    const { stdout } = await folder.run(["test", "--replay", "recording"]);
    assert.match(stdout, /TENANT_NOT_RECORDED|the recording does not have the request/);
    await folder.write("recording/masking.json", '{ "fields": { "createdAfter": "any" } }');
    assert.doesNotMatch(notesOf(await folder.run(record)), /with a time in/);
    notesOf(await folder.run(["test", "--replay", "recording"]));
    await Deno.remove(join(folder.path, "recording/masking.json"));
    await Deno.remove(join(folder.path, "recording/taskSearch.search.json"));
    await folder.write("main.ts", MAIN);
  });
  await t.step("the tests name a folder of the commit, also on a server", async () => {
    const env = { INVOKED_DATA: (await sharedServer()).dataDir };
    notesOf(await folder.run(["tenants", "add", "--example"], env));
    const name = unique("finder");
    const settings = { name, tenant: EXAMPLE };
    for (
      const [text, tests] of [[DECLARED, undefined], [TESTS, { tenant: "recording" }]] as const
    ) {
      await folder.write("main.test.ts", text);
      await folder.write("invoked.json", JSON.stringify({ ...settings, tests }));
      notesOf(await folder.run(["test"]));
      notesOf(await folder.run(["deploy"], env));
      notesOf(await folder.run(["test", "--remote"], env));
    }
    await folder.write("main.test.ts", DECLARED);
  });
  await t.step("registerTests gives no call that the deployed function may not make", async () => {
    const search = { ...EXAMPLE, operations: ["userSearch.*"] };
    const settings: [tenant: object | undefined, reason: string, message: RegExp][] = [
      [
        search,
        "TENANT_OPERATION_DENIED",
        /sdk\.user\.get denied: no pattern in tenant\.operations/,
      ],
      [undefined, "TENANT_NOT_SET", /sdk\.apps\.list not sent: function \S+ has no setting tenant/],
    ];
    for (const [tenant, reason, message] of settings) {
      await folder.write("invoked.json", JSON.stringify({ name: unique("finder"), tenant }));
      const first = tenant === undefined ? "await sdk.apps.list();\nconst {" : "const {";
      await folder.write("main.ts", MAIN.replace("const {", first));
      const { code, stdout } = await folder.run(["test"]);
      assert.equal(code, 3);
      assert.ok(stdout.includes(reason), stdout);
      assert.match(stdout, message);
    }
    await folder.write("main.ts", MAIN);
  });
  await t.step("dev replays and records", async () => {
    const manifest = { name: unique("finder"), tenant: EXAMPLE };
    await folder.write("invoked.json", JSON.stringify(manifest));
    const input = JSON.stringify({ query: "user-5@" });
    for (const option of ["--replay", "--record"]) {
      const args = ["dev", "--json", "--input", input, option, "recording"];
      await using dev = new Running(args, UNCHECKED, folder.path);
      await dev.printed("stdout", /"output":\{"name":"Masked name 1","department":"Engineering"\}/);
      if (option === "--record") await dev.printed("stderr", /^Recorded 2 calls of 2 operations/m);
      assert.equal(await dev.stop("SIGTERM"), 0);
    }
  });
  await t.step("each run of dev replays from the first answer", async () => {
    const name = "recording/user.get.json";
    const recorded = await folder.read(name);
    const file = JSON.parse(recorded);
    const { answers } = file.entries[0];
    const later = structuredClone(answers[0]);
    later.body.userView.user.department = "Finance";
    answers.push(later);
    await folder.write(name, JSON.stringify(file));
    const input = JSON.stringify({ query: "user-5@" });
    const args = ["dev", "--json", "--input", input, "--replay", "recording"];
    await using dev = new Running(args, UNCHECKED, folder.path);
    await dev.printed("stdout", /"department":"Engineering"/);
    await folder.write("main.ts", MAIN.replace("return {", "return { again: true,"));
    await dev.printed(
      "stdout",
      /"output":\{"again":true,"name":"Masked name 1","department":"Engin/,
    );
    assert.equal(await dev.stop("SIGTERM"), 0);
    await folder.write("main.ts", MAIN);
    await folder.write(name, recorded);
  });
  await t.step("a damaged recording is named", async () => {
    await folder.write("recording/user.get.json", '{"format": 1, "entries": [{}]}');
    const { stdout } = await folder.run(["test"]);
    assert.match(stdout, /the recording of these tests is not valid: user\.get\.json: entries\.0/);
    await folder.write("invoked.json", JSON.stringify({ name: "finder", tenant: EXAMPLE }));
    const failed = await folder.run(["test", "--replay", "recording"]);
    assertFails(failed, 2, /Invalid recording in recording: user\.get\.json: entries\.0/, /record/);
  });
}

/** Records with the client of `CONDUCTORONE_*` variables. */
async function withVariables(t: Deno.TestContext, folder: Folder): Promise<void> {
  await using tenant = await startExampleTenant();
  const { caFile } = await loopbackCertificate();
  const { host, clientId, clientSecret } = tenant.credentials;
  const record = ["test", "--record", "recording"];
  const egress = ["--egress-allow-private", "127.0.0.0/8", "--egress-ca", caFile];
  const env = {
    CONDUCTORONE_TENANT_DOMAIN: "acme",
    CONDUCTORONE_SERVER_URL: `https://${host}`,
    CONDUCTORONE_CLIENT_ID: clientId,
    CONDUCTORONE_CLIENT_SECRET: clientSecret,
  };
  await t.step("the client of the variables is used", async () => {
    const notes = notesOf(await folder.run([...record, ...egress], env));
    assert.match(notes, /^Recorded 2 calls of 2 operations/m);
    const files = await Promise.all(
      ["user.get.json", "userSearch.search.json"].map((name) => folder.read(`recording/${name}`)),
    );
    assert.ok(!files.join("").includes("token-"));
  });
  await t.step("a server of this machine has the client, too", async () => {
    await using server = await TestServer.start({ flags: egress });
    const local = { INVOKED_DATA: server.dataDir };
    const add = ["tenants", "add", "--client-id", clientId, "--name", "acme"];
    const added = await runInvoked(add, { cwd: folder.path, env: local, stdin: clientSecret });
    assert.equal(added.code, 0, added.stderr);
    await Deno.remove(join(folder.path, "recording"), { recursive: true });
    assert.match(notesOf(await folder.run([...record, ...egress], local)), /^Recorded 2 calls/m);
  });
  await t.step("access of the function counts while a recording is made", async () => {
    const denied = MAIN.replace(
      "return {",
      "await sdk.taskActions.deny({ taskId: '9' });\nreturn {",
    );
    await folder.write("main.ts", denied);
    const { code, stdout } = await folder.run([...record, ...egress], env);
    assert.equal(code, 3);
    assert.match(
      stdout,
      /sdk\.taskActions\.deny denied: it changes the tenant, and tenant\.access/,
    );
    await folder.write("main.ts", MAIN);
  });
  await t.step("missing and contradicting options are named", async () => {
    const none = await folder.run(record);
    assertFails(none, 2, /--record needs a client of tenant acme/, /CONDUCTORONE_CLIENT_ID/);
    await folder.write(
      "invoked.json",
      JSON.stringify({ name: "finder", tenant: { id: "exmple" } }),
    );
    assertFails(await folder.run(record), 2, /tenant exmple/, /did you mean example\? Or sign in/);
    await folder.write("invoked.json", JSON.stringify({ name: "finder", tenant: { id: "acme" } }));
    assert.equal((await folder.run([...record, "--replay", "recording"])).code, 2);
    const away = await folder.run(["test", "--replay", "nowhere"]);
    assertFails(away, 2, /Folder nowhere does not exist/, /record it with .* --record nowhere/);
    const misspelt = await folder.run(["test", "--replay", "recordings"]);
    assertFails(misspelt, 2, /Folder recordings does not exist/, /did you mean recording\? Or /);
    await Deno.mkdir(join(folder.path, "empty"));
    const empty = await folder.run(["test", "--replay", "empty"]);
    assertFails(empty, 2, /Folder empty has no recording/, /record it with .* --record empty/);
    await folder.write("recording/other.json", "{}");
    const foreign = await folder.run(["test", "--replay", "recording"]);
    assertFails(foreign, 2, /other\.json: is not named as an operation/, /record/);
    await folder.write("invoked.json", JSON.stringify({ name: "finder" }));
    const unset = await folder.run(["test", "--replay", "recording"]);
    assertFails(unset, 2, /--replay has no effect: invoked\.json has no tenant/, /"tenant"/);
  });
}
