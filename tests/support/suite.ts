import assert from "node:assert/strict";
import type { Client } from "./client.ts";
import { type Served, type ServerOptions, TestServer } from "./server.ts";
import { sharedServer, withQuietServer } from "./shared_server.ts";

/** What a step of a suite works with. */
export interface Stage<Server extends Served = Served> {
  readonly server: Server;
  readonly client: Client;
}

export type Steps<Server extends Served = Served> = Readonly<
  Record<string, (stage: Stage<Server>) => Promise<void>>
>;

/**
 * Registers a test whose steps share one server. The server must outlive every step.
 * @param last steps that run after the others, and may end the server
 */
export function serverSuite(
  name: string,
  options: ServerOptions,
  steps: Steps<TestServer>,
  last: Steps<TestServer> = {},
): void {
  Deno.test(name, async (t) => {
    await using server = await TestServer.start(options);
    await runSteps(t, server, steps);
    const client = await server.client();
    for (const [step, body] of Object.entries(last)) {
      await t.step(step, () => body({ server, client }));
    }
  });
}

/**
 * Registers a test whose steps use the server that all test files of a run share. They expect nothing of what else it
 * holds: functions, clients and volumes of others come and go.
 */
export function sharedSuite(
  name: string,
  steps: Steps<Served>,
  server: "server" | "limited" | "proxied" = "server",
): void {
  Deno.test(name, async (t) => await runSteps(t, await sharedServer(server), steps));
}

/** Registers a test whose steps use the shared server that no other test file uses meanwhile. */
export function quietSuite(
  name: string,
  steps: Steps<Served>,
  server: "quiet" | "single" = "quiet",
): void {
  Deno.test(name, (t) => withQuietServer((served) => runSteps(t, served, steps), server));
}

/** Runs the steps of a test on a server, which must outlive every one. */
async function runSteps<Server extends Served>(
  t: Deno.TestContext,
  server: Server,
  steps: Steps<Server>,
): Promise<void> {
  const client = await server.client();
  for (const [step, body] of Object.entries(steps)) {
    await t.step(step, () => body({ server, client }));
  }
  assert.equal((await client.get("/readyz")).status, 200);
}
