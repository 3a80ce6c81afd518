/** What the journeys through the console share. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import type { Locator } from "playwright-core";
import type { ConsoleBrowser, Page } from "../support/console.ts";
import type { TestServer } from "../support/server.ts";

/** What each part of a journey gets: a server, and a browser that is signed in to it. */
export interface Journey {
  readonly server: TestServer;
  readonly client: Client;
  readonly console: ConsoleBrowser;
}

/** A server, a browser that is signed in, and a function that does as its input says. */
export interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly opened: ConsoleBrowser;
  readonly page: Page;
  readonly echo: string;
}

/** A step of a test, by its name. */
export type Step = readonly [name: string, run: () => Promise<void>];

/** Runs steps of which each begins where the one before it ended: after one that fails, none. */
export async function inTurn(t: Deno.TestContext, steps: readonly Step[]): Promise<void> {
  for (const [name, run] of steps) if (!await t.step(name, run)) break;
}

/** The rows of the list of a page. */
export const row = "table tbody tr[aria-rowindex]";

/** Calls a function, and waits for the end. Returns the id of the invocation. */
export async function run(client: Client, id: string, input: unknown, more = {}): Promise<string> {
  const { status, body } = await client.invoke(id, input, {}, more);
  assert.equal(status, 200, JSON.stringify(body));
  return body.invocationId;
}

/** Calls a function in the background. Returns the id of the invocation. */
export async function start(
  client: Client,
  id: string,
  input: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const answer = await client.invoke(id, input, { Prefer: "respond-async", ...headers });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body.invocationId;
}

/** Sets settings of a function. */
export async function set(client: Client, id: string, change: Json): Promise<void> {
  const { status, body } = await client.post("/api/v1/functions/update", {
    function: { id, ...change },
    updateMask: Object.keys(change).join(","),
  });
  assert.equal(status, 200, JSON.stringify(body));
}

/** Creates and publishes a function with a name of its own. */
export async function deployNamed(client: Client, name: string, main: string): Promise<string> {
  const { function: { id }, commit } = await client.createFunction(name, { "main.ts": main });
  await set(client, id, { publishedCommitId: commit.id });
  return id;
}

/** A part of a page by its title. */
export function sectionOf(page: Page, title: string): Locator {
  const heading = page.getByRole("heading", { name: title, exact: true });
  return page.locator("section", { has: heading });
}
