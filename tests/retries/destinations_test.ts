/** Destinations: functions and URLs that get the ends of invocations. */
import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import type { Json } from "../support/client.ts";
import { assertError } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import {
  BACKGROUND,
  deployFor,
  Receiver,
  SECRET,
  sent,
  settings,
  start,
  STATUS,
  UNSTEADY,
} from "./support.ts";

const LOOPBACK = ["--egress-allow-private", "127.0.0.0/8"];
const FLAGS = [...LOOPBACK, "--max-destination-depth", "2", "--destination-attempts", "3"];
const ECHO = `export default (input, { trigger }) => ({ got: input, trigger });`;

async function toFunction({ client }: Stage): Promise<void> {
  const [id, target] = [await client.deploy(UNSTEADY), await client.deploy(ECHO)];
  await settings(client, id, { onSuccess: { functionId: target } });
  const made = await start(client, id, { until: 1 });
  const { destination, input, output } = await sent(client, id, made);
  assert.equal(destination.state, "DESTINATION_STATE_DELIVERED");
  const started = await client.ended(target, destination.invocationId);
  const invocation = { id: made, functionId: id, status: `${STATUS}SUCCESS`, input, output };
  assert.deepEqual(started.output, {
    got: { invocation },
    trigger: { kind: "destination", id: made },
  });
  assert.deepEqual(started.trigger, { kind: "TRIGGER_KIND_DESTINATION", id: made });
  assert.equal(started.traceId, (await client.invocation(id, made)).traceId);
  await client.ended(id, await start(client, id, { until: 9 }));
  await client.invoke(id, { until: 1 });
  const { body } = await client.get(`/api/v1/functions/${target}/invocations`);
  assert.equal(body.list.length, 1, "neither a failure nor an invocation with a caller that waits");
}

async function toUrl({ client }: Stage): Promise<void> {
  await using receiver = new Receiver();
  const id = await deployFor(client, receiver);
  const good = await start(client, id, { until: 1 });
  await sent(client, id, good);
  const failed = await start(client, id, { until: 9 });
  const { error } = await sent(client, id, failed);
  const [first, second] = receiver.got;
  for (const got of [first, second]) {
    new Webhook(SECRET).verify(got?.body ?? "", got?.headers ?? {});
    assert.equal(got?.headers["content-type"], "application/json");
    const { traceId } = await client.invocation(id, got?.headers["webhook-id"] ?? "");
    assert.match(got?.headers["traceparent"] ?? "", new RegExp(`^00-${traceId}-[0-9a-f]{16}-02$`));
  }
  assert.deepEqual([first?.headers["webhook-id"], second?.headers["webhook-id"]], [good, failed]);
  assert.deepEqual(JSON.parse(second?.body ?? ""), {
    invocation: {
      id: failed,
      functionId: id,
      status: `${STATUS}ERROR`,
      error,
      input: { until: 9 },
    },
  });
}

async function again({ client, server }: Stage): Promise<void> {
  await using receiver = new Receiver();
  const id = await deployFor(client, receiver);
  receiver.statuses.push(500, 302);
  const made = await start(client, id, { until: 1 });
  const { destination } = await sent(client, id, made);
  assert.deepEqual([destination.state, destination.attempts], ["DESTINATION_STATE_DELIVERED", 3]);
  assert.deepEqual(receiver.got.map(({ headers }) => headers["webhook-id"]), [made, made, made]);
  assert.equal(new Set(receiver.got.map(({ body }) => body)).size, 1);

  receiver.statuses.push(410);
  const gone = await sent(client, id, await start(client, id, { until: 1 }));
  assert.deepEqual(
    [gone.destination.state, gone.destination.attempts, gone.destination.error],
    ["DESTINATION_STATE_FAILED", 1, "the host answered 410: it wants no more"],
  );
  receiver.statuses.push(503, 503, 503);
  const never = await sent(client, id, await start(client, id, { until: 1 }));
  assert.match(
    never.destination.error,
    /answered 503 \(after 3 attempts, --destination-attempts\)$/,
  );
  assert.equal(receiver.got.length, 7);
  const shown = await runInvoked(["show", id, never.id], { env: { INVOKED_DATA: server.dataDir } });
  assert.match(shown.stdout, /^destination +http:\/\/127.*: failed after 3 attempts: .*503/m);
}

async function cancelled({ client }: Stage): Promise<void> {
  await using receiver = new Receiver();
  const id = await deployFor(client, receiver);
  const at = new Date(Date.now() + 3.6e6).toISOString();
  const { body } = await client.invoke(id, {}, { ...BACKGROUND, "invoke-at": at });
  const path = `/api/v1/functions/${id}/invocations/${body.invocationId}`;
  await client.post(`${path}/cancel`);
  assert.equal("destination" in (await client.get(path)).body.invocation, false);
  assert.deepEqual(receiver.got, []);
}

async function depth({ client }: Stage): Promise<void> {
  const ids = [];
  for (let n = 0; n < 4; n++) ids.push(await client.deploy(ECHO));
  const [a = "", b = "", c = "", d = ""] = ids;
  for (const [from, to] of [[a, b], [b, c], [c, d]] as const) {
    await settings(client, from, { onSuccess: { functionId: to } });
  }
  let [id, made] = [a, await start(client, a)];
  for (const next of [b, c]) {
    const { destination } = await sent(client, id, made);
    [id, made] = [next, destination.invocationId];
  }
  const { destination } = await sent(client, c, made);
  assert.deepEqual([destination.state, destination.error], [
    "DESTINATION_STATE_FAILED",
    "a depth of 3 destinations exceeds the limit of 2 (--max-destination-depth)",
  ]);
}

async function rejections({ client, server }: Stage): Promise<void> {
  const [a, b, c] = [
    await client.deploy(ECHO),
    await client.deploy(ECHO),
    await client.deploy(ECHO),
  ];
  await settings(client, a, { onSuccess: { functionId: b } });
  await settings(client, b, { onFailure: { functionId: c } });
  const update = (id: string, change: Json) =>
    client.post("/api/v1/functions/update", {
      function: { id, ...change },
      updateMask: Object.keys(change).join(","),
    });
  const outboundNetworkAllowlist = ["example.com"];
  const url = "https://example.com/ends";
  const violations: [string, Json, RegExp][] = [
    [
      c,
      { onSuccess: { functionId: a } },
      /onSuccess\.functionId: makes a cycle.*: \S+( -> \S+){3}$/,
    ],
    [c, { onFailure: { functionId: c } }, /onFailure\.functionId: makes a cycle of destinations/],
    [c, { onSuccess: { functionId: a, url } }, /onSuccess: must have either functionId or url/],
    [c, { onSuccess: { url, secret: SECRET } }, /onSuccess\.url: its host and port are not in/],
    [c, { onSuccess: { url: "ftp://a/b" } }, /onSuccess\.url: must be an http or https URL/],
    [c, { onSuccess: { url }, outboundNetworkAllowlist }, /onSuccess\.secret: is missing: whsec_/],
    [
      c,
      { onSuccess: { url, secret: "short" }, outboundNetworkAllowlist },
      /onSuccess\.secret: must be whsec_/,
    ],
  ];
  for (const [id, change, message] of violations) {
    assertError(await update(id, change), "INVALID_FIELD", message);
  }
  assertError(await update(c, { onSuccess: { functionId: "0".repeat(27) } }), "FUNCTION_NOT_FOUND");
  const deletion = await client.call("DELETE", `/api/v1/functions/${b}`);
  assertError(
    deletion,
    "FUNCTION_IN_USE",
    new RegExp(`it is a destination of function ${a}; change function \\w+ first$`),
  );
  await settings(client, c, { onSuccess: { url, secret: SECRET }, outboundNetworkAllowlist });
  await settings(client, c, { onSuccess: { url: `${url}/2`, secret: "" } });
  const { body } = await client.get(`/api/v1/functions/${c}`);
  assert.deepEqual(body.function.onSuccess, { url: `${url}/2` });
  assert.equal(JSON.stringify(body).includes(SECRET), false);
  const env = { INVOKED_DATA: server.dataDir };
  const target = JSON.stringify({ functionId: c });
  const set = await runInvoked(["settings", "set", a, `onFailure=${target}`], { env });
  assert.equal(set.code, 0, set.stderr);
  const { stdout } = await runInvoked(["settings", "list", a], { env });
  assert.match(stdout, new RegExp(`^onFailure\\s+\\{"functionId":"${c}"\\}`, "m"));
  await settings(client, a, { onSuccess: {}, onFailure: {} });
  assert.equal((await client.call("DELETE", `/api/v1/functions/${b}`)).status, 200);
}

serverSuite("a destination", { flags: FLAGS }, {
  "is a function that starts once with the end of an invocation": toFunction,
  "is a URL that gets a signed request": toUrl,
  "is tried again, but not after 410": again,
  "gets no end of a cancelled invocation": cancelled,
  "is bounded in depth": depth,
  "is checked when it is set": rejections,
});
