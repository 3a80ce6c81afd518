/** From an empty folder to a function that is rolled back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { assertFails, Author } from "./support.ts";

const GREET = (word: string) =>
  `export default (input: { name?: string }) => {
  console.log("greeting", input.name);
  return { message: "${word}, " + (input.name ?? "world") };
};
`;

Deno.test("a function is deployed, called, changed, compared, published, rolled back and deleted", async (t) => {
  await using author = await Author.start("greeter");
  await author.write("main.ts", GREET("Hello"));
  const commits: string[] = [];

  await t.step(
    "deploy creates the function and its first commit, and lists the changes",
    async () => {
      const { code, stdout, stderr } = await author.run([
        "deploy",
        "--publish",
        "--message",
        "One",
      ]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^[0-9A-Za-z]{27}\n$/);
      assert.match(stderr, /greeter on http:\S+ \(new\)\n {2}\+ main\.ts\n/);
      assert.match(stderr, /Published/);
      commits.push(stdout.trim());
    },
  );
  await t.step("deploy again changes nothing", async () => {
    const deployed = await author.json("deploy", "--publish");
    assert.deepEqual([deployed.created, deployed.published, deployed.commitId, deployed.changes], [
      false,
      true,
      commits[0],
      [],
    ]);
    const { stderr } = await author.run(["deploy"]);
    assert.match(stderr, /^Already published$/m);
    assert.doesNotMatch(stderr, /Not published/);
  });
  await t.step("invoke prints what the function returns", async () => {
    const input = JSON.stringify({ name: "Ada" });
    const output = await author.ok(["invoke", "greeter", "--input", input]);
    assert.deepEqual(JSON.parse(output), { message: "Hello, Ada" });
    const piped = await author.ok(["invoke", "--input", "-"], { stdin: `{"name": "Eve"}` });
    assert.deepEqual(JSON.parse(piped), { message: "Hello, Eve" });
    await Deno.writeTextFile(join(author.folder, "..", "input.json"), input);
    const invoked = await author.run(["invoke", "--input", "@../input.json", "--logs"]);
    assert.match(invoked.stderr, /info {2}greeting Ada/);
  });
  await t.step("logs, history and show report the invocation", async () => {
    assert.match(await author.ok(["logs"]), /^\d{4}-\S+Z info {2}greeting Ada\n/);
    const [newest, ...older] = await author.json("history");
    assert.deepEqual([newest.status, older.length], ["SUCCESS", 2]);
    const shown = await author.json("show", "greeter", newest.id);
    assert.deepEqual([shown.input, shown.commitId], [{ name: "Ada" }, commits[0]]);
    const names = shown.phases.map(({ name }: { name: string }) => name);
    assert.ok(["queue", "instance", "run", "record"].every((name) => names.includes(name)), names);
    assert.match(shown.phases[0].duration, /^\d+\.\d{6}s$/);
    assert.ok(shown.usage.peakMemoryBytes > 0);
    const text = await author.ok(["show", ".", "latest"]);
    assert.match(text, /status +SUCCESS/);
    assert.match(text, /^ +run +[\d.,]+ ms +█+$/m);
    assert.match(text, /^used +.*[\d.]+ MiB of memory at most/m);
    assert.deepEqual(await author.json("history", "--query", "nobody"), []);
    assert.equal((await author.json("history", "--limit", "1", "--status", "success")).length, 1);
    const hour = 60 * 60 * 1000;
    const since = (ms: number) => new Date(Date.parse(newest.createdAt) + ms).toISOString();
    // In New York a time without a zone would be some hours later.
    for (
      const [count, ...args] of [
        [3, "--since", since(-hour).replace("Z", "")],
        [3, "--since", "1h", "--until", since(hour)],
        [0, "--since", since(hour).replace("Z", "")],
        [0, "--until", "1h"],
      ] as const
    ) {
      const given = ["history", "--json", ...args];
      const listed = await author.ok(given, { env: { TZ: "America/New_York" } });
      assert.equal(JSON.parse(listed).length, count, args.join(" "));
    }
  });
  await t.step("an id may be cut to a unique start of 6 characters", async () => {
    const { id, functionId, commitId } = (await author.json("history", "--limit", "1"))[0];
    const cut = (text: string) => text.slice(0, 20);
    for (const name of [cut(functionId), functionId.slice(0, 6)]) {
      assert.equal((await author.json("show", name)).id, functionId);
    }
    assert.equal((await author.json("show", ".", cut(id))).id, id);
    assert.match(await author.ok(["logs", cut(functionId), cut(id)]), /greeting Ada/);
    assert.match(await author.ok(["diff", ".", cut(commitId), commitId]), /^$/);
    assert.equal((await author.json("tag", ".", "release", cut(commitId))).commitId, commitId);
    assert.match(await author.ok(["diff", ".", "release", cut(commitId)]), /^$/);
    await author.ok(["tag", ".", "release", "--delete"]);
    const called = await author.json(
      "invoke",
      "--commit",
      cut(commitId),
      "--input",
      '{"name": "X"}',
    );
    assert.equal(
      (await author.json("show", ".", called.invocationId ?? "latest")).commitId,
      commitId,
    );

    await author.fails(["show", "zzzzzz"], 1, /Function "zzzzzz" not found/);
    await author.fails(
      ["logs", ".", "zzzzzz"],
      1,
      /Invocation zzzzzz not found in the history of greeter/,
      /invoked history/,
    );
    await author.fails(["publish", ".", "zzzzzz"], 1, /zzzzzz/);
    const [first, second] = await twoOfOneSecond(author, functionId);
    await author.fails(
      ["show", ".", first.slice(0, 8)],
      1,
      new RegExp(
        `There are several invocations whose id begins with ${
          first.slice(0, 8)
        }: [^]*${second} \\([A-Z]+, created \\d`,
      ),
      /write more characters/,
    );
  });
  await t.step("logs --follow ends with the invocation", async () => {
    const id = await author.ok(["invoke", "--detach"]);
    assert.match(await author.ok(["logs", ".", id, "--follow"]), /greeting undefined/);
    const [line] = (await author.ok(["logs", ".", id, "--follow", "--json"])).split("\n");
    assert.equal(JSON.parse(line ?? "").message, "greeting undefined");
  });
  await t.step("diff compares the folder with the head, and deploy uploads it", async () => {
    await author.write("main.ts", GREET("Hi"));
    await author.write("new.ts", "export const one = 1;\n");
    const patch = await author.ok(["diff"]);
    assert.match(patch, /^--- a\/main\.ts\n\+\+\+ b\/main\.ts$/m);
    assert.match(patch, /^\+ {2}return \{ message: "Hi, "/m);
    assert.match(patch, /^--- \/dev\/null\n\+\+\+ b\/new\.ts$/m);
    const deployed = await author.json("deploy");
    assert.deepEqual(deployed.changes, [
      { path: "main.ts", change: "changed" },
      { path: "new.ts", change: "added" },
    ]);
    commits.push(deployed.commitId);
    assert.equal(await author.ok(["diff"]), "");
    assert.equal((await author.json("diff", ".", commits[0] ?? "", "HEAD")).length, 2);
  });
  await t.step("an unpublished commit runs where it is named", async () => {
    assert.match(await author.ok(["invoke", "--commit", "HEAD"]), /Hi, world/);
    assert.match(await author.ok(["invoke"]), /Hello, world/);
  });
  await t.step("tags name commits", async () => {
    await author.ok(["tag", ".", "v1", commits[0] ?? ""]);
    await author.ok(["tag", ".", "v2"]);
    const tags: { name: string; commitId: string }[] = await author.json("tag", "greeter");
    assert.deepEqual(tags.map(({ name, commitId }) => [name, commitId]).toSorted(), [
      ["v1", commits[0]],
      ["v2", commits[1]],
    ]);
    assert.match(await author.ok(["invoke", "--commit", "v2"]), /Hi, world/);
    await author.ok(["tag", ".", "v1", "--delete"]);
    await author.fails(
      ["publish", ".", "v1"],
      1,
      /Commit "v1" of \w+ not found: no tag has this name/,
      /invoked show/,
    );
  });
  await t.step("publish and rollback move what invocations run", async () => {
    await author.ok(["publish"]);
    assert.match(await author.ok(["invoke"]), /Hi, world/);
    const rolledBack = await author.json("rollback");
    assert.deepEqual([rolledBack.publishedCommitId, rolledBack.before], commits);
    assert.match(await author.ok(["invoke"]), /Hello, world/);
    assert.match(await author.ok(["rollback", "--to", "v2"]), new RegExp(commits[1] ?? "none"));
    assert.match(await author.ok(["invoke"]), /Hi, world/);
  });
  await t.step("rollback skips a commit that was never published", async () => {
    await author.write("new.ts", "export const two = 2;\n");
    await author.ok(["deploy"]);
    await author.write("new.ts", "export const three = 3;\n");
    const third = await author.ok(["deploy", "--publish", "--message", "Three"]);
    const rolledBack = await author.json("rollback");
    assert.deepEqual([rolledBack.publishedCommitId, rolledBack.before], [commits[1], third]);
  });
  await t.step("each rollback goes one publish further back", async () => {
    const before = commits[0] ?? "none";
    assert.equal((await author.json("rollback")).publishedCommitId, before);
    await author.fails(["rollback"], 1, /no other commit was published/, /--to/);
    await author.ok(["publish"]);
    assert.equal((await author.json("rollback")).publishedCommitId, before);
    await author.ok(["publish"]);
  });
  await t.step("history --publishes lists what was published, when and by whom", async () => {
    const [newest, ...others] = await author.json("history", "--publishes");
    assert.deepEqual(
      [newest.message, newest.publishedBy, newest.previousCommitId, others.length],
      ["Three", "Administrator", commits[0], 9],
    );
    assert.deepEqual(await author.json("history", "--publishes", "--until", "1h"), []);
    assert.deepEqual((await author.json("history", "--publishes", "--since", "1h"))[0], newest);
    const [line = ""] = (await author.ok(["history", "--publishes", "--limit", "1"])).split("\n");
    assert.deepEqual(line.split("\t"), [
      newest.publishedAt,
      newest.commitId,
      commits[0],
      "Administrator",
      "Three",
    ]);
    await author.fails(
      ["history", "--publishes", "--status", "error"],
      2,
      /'--publishes' cannot be used with option '--status/,
    );
  });
  await t.step("settings of invoked.json are synced, and only those", async () => {
    await author.write("invoked.json", `{"name": "greeter", "allowlist": ["api.example.com"]}`);
    assert.deepEqual((await author.json("deploy")).settings, ["outboundNetworkAllowlist"]);
    const shown = await author.json("show");
    assert.deepEqual([shown.outboundNetworkAllowlist, shown.description], [
      ["api.example.com"],
      "Says hello",
    ]);
  });
  await t.step("list is plain when piped", async () => {
    const lines = (await author.ok(["list", "--query", "greeter"])).split("\n");
    assert.equal(lines.length, 1);
    assert.deepEqual(lines[0]?.split("\t").slice(0, 1), ["greeter"]);
  });
  await t.step("purge erases a file for good, after a question", async () => {
    await author.write("leaked.ts", "export const key = 1;\n");
    const leaked = await author.ok(["deploy"]);
    await author.write("new.ts", "export const four = 4;\n");
    const head = await author.ok(["deploy"]);
    const file = ["purge", "greeter", "--file", "leaked.ts"];
    await author.fails(file, 2, /No answer to "Purge 2 files \(44 B\)/, /--yes/);
    const one = await author.run([...file, "--commit", leaked, "--dry-run"]);
    assert.match(one.stdout, /^Would purge 1 file \(22 B\) in 1 commit of greeter/);
    assert.match(one.stderr, new RegExp(`remains in leaked\\.ts of commit ${head}`));
    assert.match(one.stderr, /^Without --commit it is purged from every commit/m);
    const purged = await author.json(...file, "--yes");
    assert.deepEqual([purged.files, purged.commitIds], [2, [head, leaked]]);
    assert.equal(await author.ok([...file, "--dry-run"]), "Nothing to purge");
    const publish = await author.run(["publish", "greeter", leaked]);
    assertFails(
      publish,
      1,
      /Administrator purged files of the commit at .* \(PURGED\)/,
      /--purges/,
    );
    assert.match(await author.ok(["show", "."]), new RegExp(`${head}\t.*\tHEAD, purged\t`));
    assert.notEqual(await author.ok(["deploy"]), head, "the same files are a new commit");
    const [line = ""] = (await author.ok(["history", "--purges"])).split("\n");
    assert.deepEqual(
      line.split("\t").slice(1),
      ["Administrator", "leaked.ts of every commit", "0", "2", "44"],
    );
  });
  await t.step("purge erases invocations that ended before a time", async () => {
    const [newest] = await author.json("history", "--limit", "1");
    const { invocations } = await author.json("purge", ".", "--before", "0", "--yes");
    assert.ok(invocations > 1, String(invocations));
    assert.deepEqual(await author.json("history"), []);
    await author.fails(["show", ".", newest.id], 1, /were purged \(PURGED\)/);
    const wrong: readonly [args: readonly string[], message: RegExp][] = [
      [["greeter"], /the command needs --before, --file or --commit/],
      [["--before", "1d"], /either a function or --all-functions/],
      [["greeter", "--all-functions", "--before", "1d"], /either a function or --all-functions/],
      [["greeter", "--before", "soon"], /"soon" is neither a duration nor a time/],
      [["greeter", "--before", "1d", "--file", "main.ts"], /cannot be used with option/],
    ];
    for (const [args, message] of wrong) {
      await author.fails(["purge", ...args], 2, message);
    }
  });
  await t.step("delete needs a yes", async () => {
    await author.fails(["delete", "greeter"], 2, /No answer to/, /--yes/);
    await author.ok(["delete", "greeter", "--yes"]);
    await author.fails(["invoke", "greeter"], 1, /Function "greeter" not found/);
  });
});

/** Ids of two invocations of the same second, which is what an id begins with; the earlier one first. */
async function twoOfOneSecond(author: Author, functionId: string): Promise<[string, string]> {
  const client = await author.server.client();
  const call = async () =>
    (await client.invoke(functionId, {}, { prefer: "respond-async" })).body.invocationId as string;
  return await eventually(async () => {
    const [first, second] = [await call(), await call()];
    for (const id of [first, second]) await client.ended(functionId, id);
    return first.slice(0, 8) === second.slice(0, 8) ? [first, second] : undefined;
  }, "two invocations in one second");
}

Deno.test("secrets come from stdin, are listed by name, and removed", async () => {
  await using author = await Author.startShared("keeper");
  await author.write(
    "main.ts",
    `import { functions } from "@c1/functions-sdk";
export default () => ({ names: Object.keys(functions.getConfig().secrets),
  length: functions.getConfig().secrets.KEY?.length ?? 0 });
`,
  );
  await author.ok(["deploy", "--publish"]);
  await author.ok(["secrets", "set", ".", "KEY"], { stdin: "hunter2\n" });
  await author.ok(["secrets", "set", ".", "OTHER"], { stdin: "x" });
  const { output } = await author.json("invoke");
  assert.deepEqual(output, { names: ["KEY", "OTHER"], length: 7 });
  assert.deepEqual(await author.json("secrets", "list"), ["KEY", "OTHER"]);
  await author.ok(["secrets", "unset", "keeper", "KEY"]);
  assert.equal(await author.ok(["secrets", "list", "keeper"]), "OTHER");
  await author.fails(["secrets", "unset", ".", "KEY"], 1, /no secret KEY/, /secrets list/);
  assertFails(
    await author.run(["secrets", "set", ".", "KEY"], { stdin: "\n" }),
    2,
    /value of secret KEY is empty/,
  );
  const bytes = { stdin: Uint8Array.of(0x61, 0xff) };
  await author.fails(["secrets", "set", ".", "KEY"], 2, /not UTF-8/, /base64/, bytes);
  await author.fails(["secrets", "set", ".", "KEY", "hunter2"], 2, /Too many arguments/);
});

Deno.test("a secret and a file may have the name __proto__, and others are set beside it", async () => {
  await using author = await Author.startShared("proto");
  await author.write("__proto__", "a file\n");
  await author.ok(["deploy", "--publish"]);
  assert.deepEqual((await author.json("deploy")).changes, []);
  await author.write("__proto__", "another\n");
  await author.ok(["deploy", "--publish"]);
  await author.ok(["secrets", "set", ".", "__proto__"], { stdin: "x" });
  await author.ok(["secrets", "set", ".", "KEY"], { stdin: "y" });
  assert.deepEqual(await author.json("secrets", "list"), ["KEY", "__proto__"]);
  await author.ok(["secrets", "unset", ".", "__proto__"]);
  assert.deepEqual(await author.json("secrets", "list"), ["KEY"]);
});

Deno.test("show names the caller of an invocation", async () => {
  await using author = await Author.startShared("chain");
  await author.write(
    "main.ts",
    `import { sdk } from "@c1/functions-sdk";
export default async (input: { nested?: boolean }) => {
  if (input.nested) return { nested: true };
  const { introspectResponse } = await sdk.auth.introspect();
  await sdk.functions.invoke({
    functionId: introspectResponse?.principleId ?? "",
    functionsServiceInvokeRequest: { json: btoa(JSON.stringify({ nested: true })) },
  });
  return { nested: false };
};
`,
  );
  await author.write("invoked.json", `{"name": "chain", "roles": ["invoker"]}`);
  await author.ok(["deploy", "--publish"]);
  const outer = await author.json("invoke");
  const [nested, ...others] = await author.json("history");
  assert.deepEqual([nested.parentInvocationId, nested.depth], [outer.invocationId, 1]);
  assert.equal(others[0].parentInvocationId, undefined);
  const shown = await author.ok(["show", ".", nested.id]);
  assert.match(shown, new RegExp(`^called by +${outer.invocationId} \\(depth 1\\)$`, "m"));
});

Deno.test("invoked.json sets the process reuse, which show and history report", async () => {
  await using author = await Author.startShared("kept");
  await author.write("main.ts", "let calls = 0;\nexport default () => ({ calls: ++calls });\n");
  await author.write(
    "invoked.json",
    `{"name": "kept", "processReuse": "PROCESS_REUSE_SEQUENTIAL"}`,
  );
  await author.ok(["deploy", "--publish"]);
  assert.match(
    await author.ok(["show"]),
    /^process reuse +sequential: an invocation may find the state/m,
  );
  await author.ok(["invoke"]);
  assert.equal((await author.json("history"))[0].processReuse, "PROCESS_REUSE_SEQUENTIAL");
  assert.match(await author.ok(["show", ".", "latest"]), /^process reuse +sequential: /m);
  await author.write("invoked.json", `{"name": "kept", "processReuse": "shared"}`);
  await author.fails(
    ["deploy"],
    2,
    /processReuse: must be PROCESS_REUSE_NONE or PROCESS_REUSE_SEQUENTIAL; it is "shared"$/m,
    /correct what the message names; /,
  );
});
