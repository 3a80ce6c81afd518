/** `invoked trigger`, and the triggers in invoked.json. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFails, Author, initFolder, Running, UNCHECKED } from "../cli/support.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { ECHO, unique } from "./support.ts";

const SECRET = "a secret of the sender";
const STANDARD_SECRET = `whsec_${"c2VjcmV0".repeat(5)}`;

/** A deployed function that returns what it gets. */
async function deployed(name: string): Promise<Author> {
  const author = await Author.startShared(unique(name));
  await author.write("main.ts", ECHO.replace("(input,", "(input: unknown,"));
  await author.ok(["deploy", "--publish"]);
  return author;
}

/** Changes the triggers in invoked.json. */
async function declare(author: Author, triggers: Json): Promise<void> {
  const manifest = JSON.parse(await Deno.readTextFile(join(author.folder, "invoked.json")));
  await author.write("invoked.json", JSON.stringify({ ...manifest, triggers }));
}

Deno.test("triggers are made, shown, changed and deleted by commands", async () => {
  await using author = await deployed("commands");
  const made = await author.json(
    ...["trigger", "create", ".", "daily", "--cron", "0 9 * * 1-5", "--timezone", "Europe/Berlin"],
    ...["--input", '{"a": 1}', "--settings", '{"schedule": {"overlap": "OVERLAP_SKIP"}}'],
  );
  assert.equal(made.trigger.schedule.overlap, "OVERLAP_SKIP");
  assert.deepEqual(made.trigger.schedule.input, { a: 1 });
  const hook = await author.run(["trigger", "create", ".", "hook", "--webhook", "github"]);
  assert.match(hook.stderr, /Created webhook hook .* at http.*\/webhooks\/incoming\//);
  assert.match(hook.stdout, /^[0-9a-f]{64}\n$/);
  const slug = unique("cli");
  await author.ok(["trigger", "create", ".", "site", "--slug", slug, "--auth", "open"]);

  const rows = (await author.ok(["trigger", "list"])).split("\n").map((row) => row.split("\t"));
  assert.deepEqual(rows.map(([name]) => name), ["site", "hook", "daily"]);
  assert.equal(rows[2]?.[4], "0 9 * * 1-5 Europe/Berlin");
  assert.ok(rows[0]?.[4]?.endsWith(`/run/${slug}/`));
  const shown = await author.ok(["trigger", "show", ".", "daily"]);
  assert.match(shown, /next runs( +\d{4}-\d\d-\d\d 0[78]:00:00Z\n?){5}/);

  const updated = await author.json("trigger", "update", ".", "daily", "--cron", "@hourly");
  assert.equal(updated.trigger.schedule.cronSpec, "@hourly");
  assert.equal(updated.trigger.schedule.overlap, "OVERLAP_SKIP");
  const none = ["--settings", '{"schedule": {"overlap": null}}'];
  const removed = await author.json("trigger", "update", ".", "daily", ...none);
  assert.equal(removed.trigger.schedule.overlap, "OVERLAP_ALLOW");
  assert.equal(removed.trigger.schedule.cronSpec, "@hourly");
  assert.match(await author.ok(["trigger", "pause", ".", "daily"]), /^Paused schedule daily/);
  assert.match(await author.ok(["trigger", "list"]), /\tpaused\t/);
  const id = await author.ok(["trigger", "run", ".", "daily"]);
  await eventually(async () =>
    (await author.json("show", ".", id)).status === "SUCCESS" ? true : undefined
  );
  assert.match(await author.ok(["trigger", "resume", ".", "daily"]), /^Resumed/);
  assert.match(await author.ok(["trigger", "rotate-secret", ".", "hook"]), /^[0-9a-f]{64}$/);
  assert.match(await author.ok(["trigger", "delete", ".", "site", "--yes"]), /^Deleted http site/);
  const gone = await author.run(["trigger", "show", ".", "site"]);
  assertFails(gone, 1, /Trigger "site" of .* not found/, /invoked trigger list/);
  const bad = await author.run(["trigger", "create", ".", "bad", "--cron", "0 0 30 2 *"]);
  assert.match(bad.stderr, /never comes/);
});

Deno.test("triggers of invoked.json are deployed with the code, compared, and pruned on request", async () => {
  await using author = await deployed("manifest");
  await declare(author, {
    daily: { schedule: { cronSpec: "0 9 * * *", start: "2026-01-01T01:00:00+01:00" } },
    // Other words for what the server answers.
    github: {
      webhook: { github: null, header: { name: "X-Sig", prefix: "" }, maxBytes: "1000" },
      paused: true,
    },
  });
  assert.match(await author.ok(["diff"]), /\+ +"cronSpec": "0 9 \* \* \*"/);
  const first = await author.json("deploy");
  assert.deepEqual(first.triggers.map(({ name, change }: Json) => [name, change]), [
    ["daily", "added"],
    ["github", "added"],
  ]);
  assert.match(first.triggers[1].webhookSecret, /^[0-9a-f]{64}$/);
  assert.deepEqual((await author.json("deploy")).triggers, []);
  assert.match((await author.run(["diff"])).stderr, /No differences/);
  assert.equal((await author.json("trigger", "show", ".", "github")).paused, true);

  await declare(author, { daily: { schedule: { cronSpec: "0 10 * * *" } } });
  assert.match(await author.ok(["diff"]), /-.*0 9[^]*\+.*0 10[^]*-.*github/);
  const second = await author.run(["deploy"]);
  assert.match(second.stderr, /~ trigger daily/);
  assert.match(second.stderr, /trigger github stays; --prune deletes it/);
  const list = await author.json("trigger", "list");
  assert.deepEqual(list.map(({ displayName }: Json) => displayName), ["github", "daily"]);
  assert.equal(list[1].schedule.cronSpec, "0 10 * * *");
  assert.equal(list[1].schedule.start, undefined);
  const third = await author.json("deploy", "--prune");
  assert.deepEqual(third.triggers.map(({ name, change }: Json) => [name, change]), [[
    "github",
    "removed",
  ]]);
  await replacesAndFails(author);
  await declare(author, { hook: { webhook: { github: { secret: "x" } } } });
  assertFails(await author.run(["deploy"]), 2, /triggers\.hook: must not have a secret/);
  await declare(author, { daily: { schedule: { cronSpec: "0 9 * * *", timezon: "UTC" } } });
  const misspelt = await author.run(["deploy"]);
  assertFails(
    misspelt,
    2,
    /triggers\.daily\.schedule: has no setting "timezon"; it has cronSpec, at,/,
  );
  await declare(author, {});
  const flag = await author.run(
    [
      "trigger",
      "create",
      ".",
      "x",
      "--slug",
      "x",
      "--settings",
      '{"http": {"cors": {"origin": 1}}}',
    ],
  );
  assertFails(flag, 2, /--settings: http\.cors: has no setting "origin"; it has allowOrigins,/);
});

/** @param author with the schedule `daily` */
async function replacesAndFails(author: Author): Promise<void> {
  const daily = { schedule: { cronSpec: "0 10 * * *" } };
  const http = { slug: unique("moved") };
  await declare(author, { daily, site: { http } });
  await author.ok(["deploy"]);
  const changesOf = ({ triggers }: Json) =>
    triggers.map(({ name, change }: Json) => `${name} ${change}`);

  const hook = { webhook: { github: {} } };
  await declare(author, { daily: hook, site: { http } });
  assertFails(
    await author.run(["deploy"]),
    1,
    /Trigger daily conflicts with schedule daily on the server, which has the same name and is kept/,
  );
  await declare(author, { daily, page: { http } });
  const moved = await author.run(["deploy"]);
  assertFails(
    moved,
    1,
    /Trigger page conflicts with http site on the server, which has the same slug/,
  );
  await declare(author, { daily: hook, page: { http } });
  assert.deepEqual(changesOf(await author.json("deploy", "--prune")), [
    ...["daily removed", "daily added", "page added", "site removed"],
  ]);

  await exchangesAndFails(author, hook, http.slug);
}

/** @param author with the webhook `daily`, and the endpoint `page` at the slug */
async function exchangesAndFails(author: Author, hook: Json, slug: string): Promise<void> {
  const other = unique("other");
  await declare(author, { daily: hook, page: { http: { slug } }, site: { http: { slug: other } } });
  await author.ok(["deploy"]);
  const before = await author.json("trigger", "list");
  const exchanged = { daily: hook, page: { http: { slug: other } }, site: { http: { slug } } };
  await declare(author, exchanged);
  await author.ok(["deploy"]);
  const after = await author.json("trigger", "list");
  const slugOf = (list: Json, name: string) =>
    list.find(({ displayName }: Json) => displayName === name).http.slug;
  assert.deepEqual([slugOf(after, "page"), slugOf(after, "site")], [other, slug]);
  assert.deepEqual(after.map(({ id }: Json) => id), before.map(({ id }: Json) => id));

  const head = (await author.json("show")).head;
  const stranger = await deployed("stranger");
  const fresh = await Author.startShared(unique("fresh"));
  await declare(fresh, { page: { http: { slug } } });
  assertFails(await fresh.run(["deploy"]), 1, /has this slug/);
  assertFails(await fresh.run(["show"]), 1, /Function .* not found/);
  await fresh[Symbol.asyncDispose]();
  await stranger.ok(["trigger", "create", ".", "taken", "--slug", `${slug}-taken`]);
  await stranger[Symbol.asyncDispose]();
  await author.write("other.ts", "export const changed = true;\n");
  for (
    const [name, wanted, message] of [
      [
        "never",
        { schedule: { cronSpec: "0 0 30 2 *" } },
        /Trigger "never" was not applied: .*never comes/,
      ],
      [
        "taken",
        { http: { slug: `${slug}-taken` } },
        /Trigger "taken" was not applied: .*has this slug/,
      ],
    ] as const
  ) {
    await declare(author, { ...exchanged, first: hook, [name]: wanted });
    const failed = await author.run(["deploy", "--publish"]);
    assertFails(failed, 1, message);
    assert.match(failed.stderr, /Nothing was deployed/);
  }
  assert.deepEqual(await author.json("trigger", "list"), after);
  assert.equal((await author.json("show")).head, head);
}

Deno.test("deploy and trigger create warn of triggers that call what the code does not export", async () => {
  await using author = await deployed("unanswered");
  const slug = unique("unanswered");
  const created = await author.run(["trigger", "create", ".", "site", "--slug", slug]);
  const noFetch =
    /^Warning: main\.ts exports no fetch for endpoint site; write export default \{ fetch \}$/m;
  assert.match(created.stderr, noFetch);
  const { code, stdout, stderr } = await author.run(["deploy", "--json"]);
  assert.equal(code, 0);
  assert.match(stderr, noFetch);
  assert.match(JSON.parse(stdout).triggerWarnings[0], /exports no fetch for endpoint site/);

  // The endpoint is answered; the others are not.
  await author.write("main.ts", "export default { fetch: () => new Response() };\n");
  await declare(author, {
    nightly: { schedule: { cronSpec: "@daily" } },
    hook: { webhook: { github: {} } },
  });
  const swapped = await author.run(["deploy"]);
  assert.doesNotMatch(swapped.stderr, /no fetch/);
  assert.match(
    swapped.stderr,
    /^Warning: main\.ts exports no function by default for (?:schedule nightly, webhook hook|webhook hook, schedule nightly); /m,
  );
  assertFails(
    await author.run(["invoke", "--commit", "HEAD"]),
    1,
    /NO_JSON_HANDLER/,
    /URL of an endpoint \(invoked trigger list\), or export a default function/,
  );
  // Nothing is said of what only a run decides.
  for (
    const unknown of [
      "const handlers = { fetch: () => new Response() };\nexport default Object.assign(() => ({}), handlers);",
      'export { default } from "./other.ts";',
      "const main = () => ({});\nexport default main;\nexport const fetch = () => new Response();",
    ]
  ) {
    await author.write("main.ts", unknown);
    await author.write("other.ts", "export default () => ({});\n");
    assert.deepEqual((await author.json("deploy")).triggerWarnings, [], unknown);
  }
});

Deno.test("the settings that docs/triggers.md shows are deployed", async () => {
  await using author = await deployed("page");
  const page = await Deno.readTextFile(new URL("../../docs/triggers.md", import.meta.url));
  const [, block = ""] = /## Retries[^]*?```json\n([^]*?)```/.exec(page) ?? [];
  const manifest = JSON.parse(await Deno.readTextFile(join(author.folder, "invoked.json")));
  const target = await deployed("target");
  const { id } = await target.json("show");
  await target[Symbol.asyncDispose]();
  const shown = JSON.parse(block.replace("FUNCTION_ID", id));
  await author.write("invoked.json", JSON.stringify({ ...shown, name: manifest.name }));
  await author.ok(["deploy"]);
  const { retryPolicy, onFailure, concurrencyKey, maxConcurrencyPerKey, rateLimit } = await author
    .json("show");
  assert.deepEqual(
    { retryPolicy, onFailure, concurrencyKey, maxConcurrencyPerKey, rateLimit },
    {
      retryPolicy: { ...shown.retryPolicy, initialBackoff: "2s" },
      onFailure: { functionId: id },
      concurrencyKey: "/payload/customer",
      maxConcurrencyPerKey: 2,
      rateLimit: { calls: 100, period: "60s" },
    },
  );
});

Deno.test("a signed example of each method starts an invocation", async () => {
  await using author = await deployed("examples");
  const given: readonly (readonly [string, string])[] = [
    ["github", SECRET],
    ["stripe", SECRET],
    ["slack", SECRET],
    ["standard-webhooks", STANDARD_SECRET],
  ];
  for (const [method, secret] of given) {
    const create = ["trigger", "create", ".", method, "--webhook", method, "--secret"];
    await author.ok(create, { stdin: `${secret}\n` });
  }
  const made = [...given];
  for (const method of ["hmac", "capability-url"]) {
    made.push([method, await author.ok(["trigger", "create", ".", method, "--webhook", method])]);
  }
  const own = [
    "--webhook",
    "header",
    "--signature-header",
    "X-Sig",
    "--signature-prefix",
    "sha256=",
  ];
  made.push(["own", await author.ok(["trigger", "create", ".", "own", ...own])]);
  for (const [name, secret] of made) {
    const run = await author.run(["trigger", "test", ".", name, "--json"], { stdin: secret });
    assert.equal(run.code, 0, `${name}: ${run.stderr}`);
    const { status, body, invocationId } = JSON.parse(run.stdout);
    assert.deepEqual([status, body], [200, "{}"], name);
    assert.match(invocationId, /^[0-9A-Za-z]{27}$/, name);
  }
  const base64 = [...own, "--signature-encoding", "base64", "--secret"];
  await author.ok(["trigger", "create", ".", "base64", ...base64], { stdin: SECRET });
  await author.ok(["trigger", "test", ".", "base64"], { stdin: SECRET });
  const plain = ["--webhook", "header", "--signature-header", "X-Gitlab-Token", "--secret"];
  await author.ok(
    ["trigger", "create", ".", "gitlab", ...plain, "--signature-encoding", "plain"],
    { stdin: SECRET },
  );
  await author.ok(["trigger", "test", ".", "gitlab"], { stdin: SECRET });
  const wrong = await author.run(["trigger", "test", ".", "github"], { stdin: "wrong" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /failed with 401: the signature is wrong/);
  const rows = await author.ok(["trigger", "deliveries", ".", "github"]);
  assert.deepEqual(rows.split("\n").map((row) => row.split("\t")[1]), ["refused", "started"]);
});

Deno.test("invoked dev takes signed examples for the webhooks of its folder", async () => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "local");
  await initFolder(folder);
  const manifest = JSON.parse(await Deno.readTextFile(join(folder, "invoked.json")));
  const triggers = {
    discord: { webhook: { discord: { publicKey: "0".repeat(64) } } },
    // The networks of GitHub, which the developer does not send from.
    github: { webhook: { github: {}, allowSourceCidrs: ["192.30.252.0/22"] } },
    stripe: { webhook: { stripe: {} } },
    slack: { webhook: { slack: {} } },
    standard: { webhook: { standardWebhooks: {} } },
    header: { webhook: { header: { name: "X-Sig", prefix: "sha256=" } } },
    plain: { webhook: { header: { name: "X-Token", encoding: "SIGNATURE_ENCODING_PLAIN" } } },
    meta: { webhook: { github: {}, handshake: "WEBHOOK_HANDSHAKE_META" } },
    hmac: { webhook: { hmac: {} }, volume: "events" },
    jwt: { webhook: { jwt: { jwksUrl: "https://sender.example/keys" } } },
    capability: { webhook: { capabilityUrl: {} } },
    site: { http: { slug: "site", host: "site.functions.example", auth: "ENDPOINT_AUTH_OPEN" } },
    daily: { schedule: { cronSpec: "* * * * *" } },
    // It has passed, and the server would reject it.
    once: { schedule: { at: "2026-01-01T00:00:00Z" } },
  };
  await Deno.writeTextFile(join(folder, "invoked.json"), JSON.stringify({ ...manifest, triggers }));
  await using dev = new Running(["dev", "--json"], UNCHECKED, folder);
  await dev.printed("stdout", /"status":"SUCCESS"/);
  const [, dataDir = ""] = /invoked trigger test local discord --data (\S+)/.exec(dev.stderr) ?? [];
  const invoked = async (...args: string[]) => {
    const run = await runInvoked([...args, "--data", dataDir, "--json"], { cwd: folder });
    assert.equal(run.code, 0, run.stderr);
    return JSON.parse(run.stdout);
  };
  assert.doesNotMatch(dev.stderr, /invoked trigger test local jwt/);
  const methods = ["discord", "github", "stripe", "slack", "standard", "header", "hmac"];
  for (const name of [...methods, "plain", "meta", "capability"]) {
    const { status, invocationId } = await invoked("trigger", "test", "local", name);
    assert.equal(status, 200, name);
    const { trigger } = await invoked("show", "local", invocationId);
    assert.match(JSON.stringify(trigger), /webhook/i);
  }
  const [daily] = (await invoked("trigger", "list", "local")).filter(({ displayName }: Json) =>
    displayName === "daily"
  );
  assert.equal(daily.paused, true);
  const list = await runInvoked(["trigger", "list", "local", "--data", dataDir], { cwd: folder });
  assert.match(list.stdout, /^once\t.*\tpassed UTC\t/m);
  const { github, once } = triggers;
  const changed = { github: once, site: github, page: triggers.site };
  await Deno.writeTextFile(
    join(folder, "invoked.json"),
    JSON.stringify({ ...manifest, triggers: changed }),
  );
  await eventually(async () => {
    const list = await invoked("trigger", "list", "local");
    const kinds = list.map((one: Json) => `${one.displayName} ${Object.keys(one)}`).toSorted();
    return kinds.length === 3 &&
        /^github .*schedule.*page .*http.*site .*webhook/.test(kinds.join())
      ? true
      : undefined;
  }, "the triggers of another kind or name");
  assert.equal(await dev.stop("SIGTERM"), 0);
});
