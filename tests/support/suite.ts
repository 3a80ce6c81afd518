import assert from "node:assert/strict";
import type { Client } from "./client.ts";
import { type ServerOptions, TestServer } from "./server.ts";

/** What a step of a suite works with. */
export interface Stage {
  readonly server: TestServer;
  readonly client: Client;
}

/** Registers a test whose steps share one server. The server must outlive every step. */
export function serverSuite(
  name: string,
  options: ServerOptions,
  steps: Readonly<Record<string, (stage: Stage) => Promise<void>>>,
): void {
  Deno.test(name, async (t) => {
    await using server = await TestServer.start(options);
    const client = await server.client();
    for (const [step, body] of Object.entries(steps)) {
      await t.step(step, () => body({ server, client }));
    }
    assert.equal((await client.get("/readyz")).status, 200);
  });
}
