import assert from "node:assert/strict";
import type { Answer, Client, Json } from "./client.ts";
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

/** The stable reason of an error answer. */
export function reasonOf(body: Json): string | undefined {
  return body.details?.find(({ reason }: Json) => reason !== undefined)?.reason;
}

/** Asserts that an answer is this refusal; `message` is what its message must tell. */
export function assertRefused(
  { status, body }: Answer<Json>,
  expected: { readonly status: number; readonly reason: string; readonly message?: RegExp },
): void {
  const told = JSON.stringify(body);
  assert.equal(status, expected.status, told);
  assert.equal(reasonOf(body), expected.reason, told);
  if (expected.message !== undefined) assert.match(body.message, expected.message);
}
