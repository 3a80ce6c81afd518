/** The suite detects what it looks for: the same checks with functions that do get through. */
import assert from "node:assert/strict";
import { AVAILABLE_MODES } from "../sandbox/harness.ts";
import { CLASSES } from "./classes/mod.ts";
import { ok } from "../support/expect.ts";
import { allGone } from "../support/processes.ts";
import { gets, type Hostile, mainOfAttempts, rejected, returns } from "./hostile.ts";
import { type Ground, openGround, Stage } from "./stage.ts";

/** A stage in the strongest mode, with more flags. */
async function withStage(
  flags: readonly string[],
  body: (stage: Stage, ground: Ground) => Promise<void>,
): Promise<void> {
  const [mode] = AVAILABLE_MODES;
  assert.ok(mode);
  await using ground = await openGround();
  await using stage = await Stage.open(ground, mode, flags);
  await body(stage, ground);
}

const FETCHES: readonly Hostile[] = rejected("TypeError: fetch failed: ", {
  "fetches the canary":
    `const r = await fetch("http://127.0.0.1:" + input.port + "/"); throw new Error("403 " + await r.text());`,
}).map((one) => ({ ...one, allowlist: ["127.0.0.1:CANARY"] }));

type Check = (stage: Stage, ground: Ground) => Promise<void>;

/** Checks on one stage. The last one harms the canaries. */
const CHECKS: Readonly<Record<string, Check>> = {
  "a canary that no function can reach is not reported": async (stage) => {
    assert.deepEqual(await stage.attack(FETCHES), []);
  },

  "a leaked canary is detected, wherever it leaks": async (stage, { canaries, functions }) => {
    const tokens = Object.entries(canaries.tokens);
    const ways = {
      output: `return { got: token };`,
      log: `console.log(token); return {};`,
      stdout: `Deno.stdout.writeSync(new TextEncoder().encode(token)); return {};`,
      error: `throw new Error(token);`,
      base64: `return { got: btoa(token) };`,
    };
    for (const [way, code] of Object.entries(ways)) {
      const main = `const tokens = ${JSON.stringify(tokens.map(([, token]) => token))};
export default ({ attempts: [at] }: { attempts: number[] }) => { const token = tokens[at!]!; ${code} };`;
      const id = await stage.client.deploy(main);
      for (const [attempt, [file]] of tokens.entries()) {
        const [hostile] = returns({}, { [way]: main });
        assert.ok(hostile);
        functions.set(hostile, { id, attempt });
        const errors = await stage.attack([hostile]);
        assert.ok(errors.includes(`${way}: LEAK of the canary in the ${file}`), `${way} ${file}`);
      }
    }
  },

  "of attempts in one invocation each is judged by itself": async (stage, { functions }) => {
    const made = [
      ...rejected("Error: no", {
        "first": `throw new Error("no");`,
        "gets through": `return "there";`,
        "fails otherwise": `throw new Error("later");`,
      }),
      ...gets("1", { "last": `return 1;` }),
    ];
    const id = await stage.client.deploy(mainOfAttempts(made.map(({ attempt = "" }) => attempt)));
    for (const [attempt, one] of made.entries()) functions.set(one, { id, attempt });
    const errors = await stage.attack(made);
    assert.deepEqual(errors.map((error) => error.split(":")[0]), [
      "gets through",
      "fails otherwise",
    ]);
    const { list } = ok(await stage.client.get(`/api/v1/functions/${id}/invocations`));
    assert.equal(list.length, 1);
  },

  "an unhealthy server is detected": async (stage) => {
    const { client, goodId } = stage;
    const publish = (publishedCommitId: string) =>
      client.post("/api/v1/functions/update", {
        function: { id: goodId, publishedCommitId },
        updateMask: "publishedCommitId",
      });
    const before = ok(await client.get(`/api/v1/functions/${goodId}`)).function.publishedCommitId;
    const { body } = await client.commit(goodId, { "main.ts": "export default () => ({});" });
    await publish(body.commit.id);
    assert.deepEqual(await stage.attack(returns({}, { "good": "export default () => ({});" })), [
      "good: a good function failed",
    ]);
    ok(await publish(before));
  },

  "a wrong end, a missing log line and a harmed canary are detected": async (
    stage,
    { canaries },
  ) => {
    const [good] = returns({ a: 1 }, { "good": "export default () => ({ a: 1 });" });
    assert.ok(good);
    assert.deepEqual(await stage.attack([good]), []);
    const wrong = [
      { ...good, end: { output: { a: 2 } } },
      { ...good, end: { outputMatches: /^{"b"/ } },
      { ...good, end: { error: /^TIMEOUT: / } },
      { ...good, logs: /never/ },
    ];
    for (const one of wrong) assert.equal((await stage.attack([one])).length, 1);
    await Deno.writeTextFile(canaries.file, "overwritten");
    assert.deepEqual(await stage.attack([good]), ["good: the canary file was changed"]);
    Deno.kill(canaries.pid, "SIGKILL");
    await allGone([canaries.pid]);
    const errors = await stage.attack([good]);
    assert.ok(errors.includes("good: the canary process is gone"));
  },
};

Deno.test("the suite detects what it looks for", async (context) => {
  await withStage([], async (stage, ground) => {
    for (const [name, check] of Object.entries(CHECKS)) {
      await context.step(name, () => check(stage, ground));
    }
  });
});

Deno.test("a canary that is reached is detected, whatever the function returns", async () => {
  await withStage(["--egress-allow-private", "127.0.0.1/32"], async (stage) => {
    const errors = (await stage.attack(FETCHES)).join("\n");
    assert.match(errors, /LEAK of the canary in the answer/);
    assert.match(errors, /the TCP canary was connected to/);
    assert.match(errors, /the TCP canary received "GET \/ HTTP\/1.1/);
  });
});

Deno.test("every hostile function has a name of its own in its class", () => {
  for (const [name, functions] of Object.entries(CLASSES)) {
    const names = functions.map((one) => one.name);
    assert.deepEqual(names, [...new Set(names)], name);
  }
});
