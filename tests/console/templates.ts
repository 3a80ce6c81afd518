/**
 * The page offers every template; each becomes a function by the console's own requests, and then runs and tests; the list
 * shows what became of them.
 */
import assert from "node:assert/strict";
import {
  createFunction,
  type Template,
  templatesOf,
} from "../../console/src/features/functions/create.ts";
import type { Reason } from "../../src/domain/errors.ts";
import { FUNCTIONS_INVOKER } from "../../src/resources/roles.ts";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { readText, ROOT } from "../support/repository.ts";
import { asPage } from "./page_requests.ts";
import { deployNamed, type Journey, run } from "./stage.ts";

interface Expected {
  readonly input?: Json;
  /** What the run comes to: a part of its output, or its error. */
  readonly output?: RegExp;
  readonly error?: RegExp;
  /** Why there is no run. */
  readonly rejected?: Reason;
  /** What the template brings, in the words of the API. */
  readonly brings?: Json;
}

/** By name; runs that need a secret or another function say so. */
const TEMPLATES: Readonly<Record<string, Expected>> = {
  "blank": { input: { a: 1 }, output: /"a":1/ },
  "hello": { input: { name: "Ada" }, output: /Hello, Ada!/ },
  "calls-functions": {
    output: /Hello, Grace!/,
    brings: { scopedRoleIds: [FUNCTIONS_INVOKER.id] },
  },
  "csv-report": { input: {}, error: /sales|csv|No such file|NotFound|must/i },
  "npm-package": { input: {}, output: /"valid":false/ },
  "slack-webhook": {
    input: { text: "hi" },
    error: /WEBHOOK_URL/,
    brings: { outboundNetworkAllowlist: ["hooks.slack.com"] },
  },
  "user-name": {
    input: { givenName: "Ada", familyName: "Lovelace" },
    output: /userName/,
  },
  "api-proxy": {
    input: { repository: "a/b" },
    error: /GITHUB_TOKEN/,
    brings: { outboundNetworkAllowlist: ["api.github.com"] },
  },
  "fan-out": { error: /functionId is missing/, brings: { scopedRoleIds: [FUNCTIONS_INVOKER.id] } },
  "file-processing": { output: /"files":0/ },
  // It answers HTTP requests alone: its run is one, below.
  "html-page": { rejected: "NO_JSON_HANDLER" },
  "mcp": { rejected: "NO_JSON_HANDLER" },
  "scheduled-report": { output: /"failed":/ },
  "webhook-receiver": { input: { payload: { ref: "refs/heads/main" } }, output: /"main"/ },
};
const WITH_VOLUME = ["csv-report", "user-name", "file-processing"];
const TRIGGERS: Readonly<Record<string, string>> = {
  "html-page": "http",
  "mcp": "http",
  "scheduled-report": "schedule",
  "webhook-receiver": "webhook",
};

/** The templates below a folder of this repository. */
async function readTemplates(parent: "examples" | "templates"): Promise<readonly Template[]> {
  const sources: Record<string, string> = {};
  for await (const { name: folder, isDirectory } of Deno.readDir(new URL(parent, ROOT))) {
    if (!isDirectory) continue;
    for await (const { name } of Deno.readDir(new URL(`${parent}/${folder}`, ROOT))) {
      const path = `${parent}/${folder}/${name}`;
      if (/\.(?:ts|json)$/.test(name)) sources[path] = await readText(path);
    }
  }
  return templatesOf(sources);
}

/** The page shows each template as its folder has it, and takes its name and its description. */
async function offers({ console }: Journey, templates: readonly Template[]): Promise<void> {
  const { page } = console;
  await console.goto("/functions/new");
  await page.getByRole("radio").nth(templates.length - 1).waitFor();
  assert.equal(await page.getByRole("radio").count(), templates.length);
  assert.ok(await page.getByRole("radio").first().isChecked());
  const code = page.getByLabel("main.ts of the template", { exact: true });
  for (const { manifest: { name, description }, files } of templates) {
    await page.getByRole("radio", { name: new RegExp(`^${name}(?![\\w-])`) }).check();
    const isShown = async () => await code.textContent() === files["main.ts"] || undefined;
    await eventually(isShown, `main.ts of ${name}`);
    const listed = await page.getByText(/^\d+ files?: /).innerText();
    assert.deepEqual(listed.replace(/^.*: /, "").split(", ").sort(), Object.keys(files).sort());
    const fields = ["Name", "Description"].map((label) => page.getByLabel(label, { exact: true }));
    const values = await Promise.all(fields.map((field) => field.inputValue()));
    assert.deepEqual(values, name === "blank" ? ["", ""] : [name, description]);
  }
}

/** Creates a function of a template as the page does; answers the function. */
async function create(client: Client, template: Template | undefined): Promise<Json> {
  assert.ok(template !== undefined);
  using _page = asPage(client);
  const { name, description } = template.manifest;
  const { fn, violations } = await createFunction(name, description, template);
  assert.deepEqual(violations, []);
  return ok(await client.get(`/api/v1/functions/${fn.id}`)).function;
}

async function runs(client: Client, fn: Json, expected: Expected): Promise<void> {
  const { input = {}, output, error, rejected } = expected;
  const called = await client.invoke(fn.id, input, {}, { commitId: fn.head });
  if (rejected !== undefined) return assertError(called, rejected);
  const answer = ok(called);
  const { invocation } = ok(
    await client.get(`/api/v1/functions/${fn.id}/invocations/${answer.invocationId}`),
  );
  if (error !== undefined) return assert.match(invocation.error ?? "", error);
  assert.equal(invocation.error, undefined, fn.displayName);
  assert.match(atob(answer.json), output ?? /^$/);
}

/** Runs the tests of a function's head: none fails. */
async function tests(client: Client, { id, head }: Json): Promise<void> {
  const { results } = ok(await client.post(`/api/v1/functions/${id}/test`, { commitId: head }));
  assert.ok(results.length > 0);
  const failed = results.filter(({ status }: Json) => /_FAIL$/.test(status));
  assert.deepEqual(failed, []);
}

export async function everyTemplate(t: Deno.TestContext, journey: Journey): Promise<void> {
  const { server, console, client } = journey;
  const { page } = console;
  const examples = await readTemplates("examples");
  const templates = [...examples, ...await readTemplates("templates")];
  const named = (name: string) => templates.find(({ manifest }) => manifest.name === name);
  const names = templates.map(({ manifest }) => manifest.name);
  assert.deepEqual(names.toSorted(), Object.keys(TEMPLATES).toSorted());
  await t.step("the page offers each as its folder has it", () => offers(journey, templates));
  for (const [template, expected] of Object.entries(TEMPLATES)) {
    await t.step(template, async () => {
      const fn = await create(client, named(template));
      assert.equal(fn.displayName, template);
      for (const [name, value] of Object.entries(expected.brings ?? {})) {
        assert.deepEqual(fn[name], value);
      }
      assert.equal(fn.vfsId !== undefined, WITH_VOLUME.includes(template));
      const { list } = ok(await client.get(`/api/v1/functions/${fn.id}/triggers`));
      const kind = TRIGGERS[template];
      assert.ok(kind === undefined ? list.length === 0 : list[0][kind] !== undefined);
      await runs(client, fn, expected);
      // tests/examples/examples_test.ts runs the tests of the examples.
      const isTested = template === "blank" ||
        examples.some(({ manifest }) => manifest.name === template);
      if (!isTested) await tests(client, fn);
    });
  }
  await t.step("a second function of a template has a slug of its own", async () => {
    const fn = await create(client, named("html-page"));
    const { list } = ok(await client.get(`/api/v1/functions/${fn.id}/triggers`));
    assert.match(list[0].http.slug, /^html-page-[a-z0-9]{8}$/);
    const updateMask = "publishedCommitId";
    const change = { id: fn.id, publishedCommitId: fn.head };
    ok(await client.post("/api/v1/functions/update", { function: change, updateMask }));
    const answer = await fetch(`${server.url}/run/${list[0].http.slug}/?name=Ada`);
    assert.match(await answer.text(), /Ada/);
  });
  await t.step("the list has their states, triggers and last runs", async () => {
    const hidden = await deployNamed(client, "spark\u2028\u00adline", "export default () => ({});");
    await run(client, hidden, {});
    const { list: [newest] } = ok(await client.get(`/api/v1/functions/${hidden}/invocations`));
    await console.goto("/functions");
    const table = page.getByRole("table", { name: "Functions" });
    const row = (name: string) => table.getByRole("row").filter({ hasText: name });
    await row("fan-out").getByText("Never published").waitFor();
    await row("html-page").first().getByText("Published").waitFor();
    await row("webhook-receiver").getByRole("cell", { name: "1", exact: true }).waitFor();
    await row("api-proxy").getByRole("img", { name: "1 invocation of api-proxy, 1 failed" })
      .waitFor();
    const label = String.raw`1 invocation of spark\u2028\u00adline, 0 failed`;
    await row("spark").getByRole("img", { name: label }).waitFor();
    await row("spark").locator(`time[datetime="${newest.createdAt}"]`).waitFor();
    await console.screenshot("functions_of_templates");
    await page.keyboard.press("/");
    await page.keyboard.type("webhook");
    await row("fan-out").waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Functions" })
      .click();
    await row("fan-out").waitFor();
    assert.equal(await page.getByRole("searchbox").inputValue(), "");
  });
}
