/** Schedules and webhooks of API nodes that share one database: each event starts exactly one invocation. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import type { TestServer } from "../support/server.ts";
import { github } from "../triggers/signing.ts";
import {
  createTrigger,
  createWebhook,
  ECHO,
  triggersOf,
  updateTrigger,
} from "../triggers/support.ts";

const SECRET = "s";
const TIMES = 12;
/** Before the first time, so that every schedule is there by then; and between two of them. */
const FIRST_AFTER_MS = 8_000;
const INTERVAL_MS = 250;

/** The invocations of a function, once `count` of them have ended. */
async function ended(client: Client, functionId: string, count: number): Promise<Json[]> {
  return await eventually(async () => {
    const path = `/api/v1/functions/${functionId}/invocations?page_size=100`;
    const { list } = ok(await client.get(path));
    const those = list.filter(({ status }: Json) => /_(SUCCESS|ERROR)$/.test(status));
    return those.length >= count ? list : undefined;
  }, `${count} ended invocations`);
}

/**
 * Nodes start each time and each event once, also when one dies. An invocation that runs when its node dies starts again.
 * @param node that of `here`, which dies
 */
export async function triggersAt(
  t: Deno.TestContext,
  node: TestServer,
  here: Client,
  there: Client,
): Promise<void> {
  const functionId = await here.deploy(ECHO);

  await t.step("an event that comes to both nodes at once", async () => {
    const { trigger } = await createWebhook(here, functionId, { github: { secret: SECRET } });
    const headers = github(SECRET, "{}", { id: randomUUID() });
    const path = `/api/v1/webhooks/incoming/${trigger.webhook.listenerId}`;
    const answers = await Promise.all(
      [here, there, here, there].map(({ url }) =>
        new Client(url, undefined).call("POST", path, "{}", headers)
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200]);
    const { list } = ok(await there.get(`${triggersOf(functionId)}/${trigger.id}/deliveries`));
    const started = list.filter(({ status }: Json) => status === "DELIVERY_STATUS_STARTED");
    assert.equal(started.length, 1);
    await updateTrigger(there, trigger, { paused: true });
    const paused = await new Client(here.url, undefined).call("POST", path, "{}", headers);
    assert.equal(paused.status, 400, "the other node sees the change");
  });

  await t.step(
    "a webhook is answered by its function on a worker, whichever node got it",
    async () => {
      const { trigger } = await createWebhook(here, functionId, {
        github: { secret: SECRET },
        response: "WEBHOOK_RESPONSE_FUNCTION",
      });
      const path = `/api/v1/webhooks/incoming/${trigger.webhook.listenerId}`;
      for (const { url } of [here, there]) {
        const body = JSON.stringify({ url });
        const headers = { "content-type": "application/json", ...github(SECRET, body) };
        const said = ok(await new Client(url, undefined).call("POST", path, body, headers));
        assert.deepEqual(said.input.payload, { url });
        assert.deepEqual(said.trigger, { kind: "webhook", id: trigger.id });
        const { status } = await here.ended(functionId, said.invocationId);
        assert.match(status, /_SUCCESS$/);
      }
    },
  );

  await t.step("times that come while the node that looks at them dies", async () => {
    const scheduled = await here.deploy(ECHO);
    const firstMs = Date.now() + FIRST_AFTER_MS;
    const planned = Array.from(
      { length: TIMES },
      (_, at) => new Date(firstMs + INTERVAL_MS * at).toISOString(),
    );
    await Promise.all(
      planned.map((at) => createTrigger(there, scheduled, { schedule: { at, input: { at } } })),
    );
    await ended(there, scheduled, 3);
    await node.stop("SIGKILL");
    const invocations = await ended(there, scheduled, planned.length);
    assert.deepEqual(invocations.map(({ input }) => input.at).toSorted(), planned);
    for (const { error } of invocations) assert.equal(error, undefined);
  });
}
