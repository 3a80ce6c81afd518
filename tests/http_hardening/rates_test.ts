/** Each client has its own bucket; the answer to an empty one says when to try again. */
import assert from "node:assert/strict";
import { newApiKey } from "../../src/shared/api_keys.ts";
import { TokenBuckets } from "../../src/shared/token_buckets.ts";
import { atOnce } from "../support/at_once.ts";
import { type Answer, Client, type Json } from "../support/client.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";

/** More than any rate of the test grants in a minute. */
const REQUESTS = 60;
const BURST = 5;

Deno.test("requests beyond the rate are rejected with Retry-After", async () => {
  await using server = await TestServer.start({
    flags: ["--api-rate", "1", "--api-burst", String(BURST), "--token-rate", "3"],
  });
  const nobody = new Client(server.url, undefined);
  const { clientId, clientSecret } = await server.credentials();
  const login = (client_id: string, client_secret: string) =>
    nobody.form("/auth/v1/token", { grant_type: "client_credentials", client_id, client_secret });

  const client = new Client(server.url, (await login(clientId, clientSecret)).body.access_token);
  const started = performance.now();
  const answers = await atOnce(REQUESTS, () => client.get("/api/v1/functions"));
  const seconds = Math.ceil((performance.now() - started) / 1000);
  const rejected = answers.filter(({ status }) => status === 429);
  assert.ok(rejected.length > 0 && rejected.length <= REQUESTS - BURST, String(rejected.length));
  // The bucket gets one more in each second of these requests.
  assert.ok(rejected.length >= REQUESTS - BURST - seconds, `${rejected.length} in ${seconds} s`);
  for (const { headers, body } of rejected) {
    assert.equal(body.code, 8);
    assert.equal(body.details[0].reason, "RATE_LIMITED");
    assert.match(body.message, /this client may send 1 request per second \(--api-rate\)/);
    assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  assert.equal((await nobody.get("/api/v1/functions")).status, 401, "no token, no bucket");
  assert.equal((await nobody.get("/healthz")).status, 200);

  // Strangers know the id of the client, and others. A bucket gets one more in 20 s, so the fourth may pass.
  const ids = [clientId, clientId, "mellow-yak-1@x/spc", clientId, "mellow-yak-2@x/spc"];
  const wrong = await untilRejected((attempt) => login(ids[attempt % ids.length] ?? "", "wrong"));
  assert.ok(wrong.length > 3 && wrong.slice(0, -1).every(({ status }) => status === 401));
  const tooWrong = wrong.at(-1);
  assert.equal(tooWrong?.body.error, "temporarily_unavailable");
  assert.match(tooWrong?.body.error_description, /more than 3 wrong .* a minute \(--token-rate\)/);
  assert.match(tooWrong?.headers.get("retry-after") ?? "", /^[1-9]\d*$/);

  // Wrong tokens take from the same bucket, and say so; a right one from the same address goes on.
  for (const token of ["x.y.z", newApiKey()]) {
    const stranger = new Client(server.url, token);
    const tooWrongToken = (await untilRejected(() => stranger.get("/api/v1/functions"))).at(-1);
    assert.equal(tooWrongToken?.body.details?.[0].reason, "RATE_LIMITED");
    assert.match(tooWrongToken?.body.message, /more than 3 wrong tokens .*\(--token-rate\)/);
    assert.match(tooWrongToken?.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  const still = await client.get("/api/v1/functions");
  assert.ok(still.status === 200 || /--api-rate/.test(String(still.body.message)));

  const right = await untilRejected(() => login(clientId, clientSecret));
  assert.equal(right[0]?.status, 200, "failures are not its own");
  assert.match(
    right.at(-1)?.body.error_description,
    /more than 3 tokens a minute \(--token-rate\)/,
  );
});

/** The answers to one attempt after another, up to the first that is rejected for the rate. */
async function untilRejected(
  attempt: (count: number) => Promise<Answer<Json>>,
): Promise<Answer<Json>[]> {
  const answers: Answer<Json>[] = [];
  while (answers.at(-1)?.status !== 429 && answers.length < REQUESTS) {
    answers.push(await attempt(answers.length));
  }
  return answers;
}

Deno.test("0 disables the limits", async () => {
  const server = await sharedServer();
  const clients = await atOnce(150, () => server.client());
  const answers = await Promise.all(clients.map((client) => client.get("/api/v1/functions")));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
});

Deno.test("a bucket refills with time, up to the burst, and is one of a bounded number", () => {
  const buckets = new TokenBuckets({ perSecond: 2, burst: 3 });
  assert.deepEqual([0, 0, 0, 0].map((now) => buckets.take("a", now)), [0, 0, 0, 0.5]);
  assert.equal(buckets.take("b", 0), 0);
  assert.equal(buckets.take("a", 250), 0.25);
  assert.equal(buckets.take("a", 500), 0);
  assert.deepEqual([0, 0, 0, 0].map(() => buckets.take("a", 60_000)), [0, 0, 0, 0.5]);
  for (let client = 0; client < 10_000; client++) buckets.take(`client ${client}`, 60_000);
  assert.equal(buckets.take("a", 60_000), 0, "the oldest bucket was forgotten");
});
