/** The work that recordings take in the process of the server. */
import assert from "node:assert/strict";
import { clearImmediate, setImmediate } from "node:timers";
import { maskRules } from "../../src/tenants/recording/mask_rules.ts";
import { Recorder } from "../../src/tenants/recording/recorder.ts";
import { ReplayTransport } from "../../src/tenants/recording/replay.ts";
import { Bodies, NEVER, notRecorded, request } from "./support/recordings.ts";

Deno.test("the search for the nearest recorded request is bounded by its work, not by requests", async () => {
  const search = (query: string) => request("userSearch.search", "/api/v1/search/users", { query });
  const replayOfQueries = async (queries: readonly string[]) => {
    const entries = queries.map((query) => ({
      request: { verb: "POST", path: "/api/v1/search/users", body: { query } },
      answers: [{ status: 200, body: {} }],
    }));
    const file = JSON.stringify({ format: 1, entries });
    return await ReplayTransport.open(new Map([["userSearch.search.json", file]]));
  };
  const names = Array.from({ length: 5_000 }, (_, n) => `user ${n}`);
  const short = await notRecorded(await replayOfQueries(names), search("user 4999!"));
  assert.match(short, /the nearest recorded request is .*"user 4999"/);
  // Each of them takes the most work that a comparison may take.
  const long = Array.from({ length: 900 }, (_, n) => `${n}${"xy".repeat(1000)}`);
  const asked = `-${"zq".repeat(1000)}`;
  const nearly = asked.replace("zq", "qz");
  const found = await notRecorded(await replayOfQueries([...long, nearly]), search(asked));
  assert.match(found, /the nearest recorded request is .*"0xyxy/);
});

Deno.test("a large answer is recorded in steps, and answers keep their order", async () => {
  const large = { list: ["x".repeat(1024 * 1024)] };
  const recorder = new Recorder(maskRules(undefined));
  const recording = recorder.around(new Bodies([large, { list: ["small"] }]));
  const list = request("user.list", "/api/v1/users");
  const done: string[] = [];
  const both = ["large", "small"].map(async (name) => {
    await recording.send(list, NEVER, { attempt: recorder });
    done.push(name);
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(done, [], "the event loop goes on before the large answer is recorded");
  await Promise.all(both);
  assert.deepEqual(done, ["large", "small"]);
  const [{ answers } = { answers: [] }] = recorder.recording.get("user.list") ?? [];
  assert.deepEqual(answers.map(({ body }) => body), [large, { list: ["small"] }]);
});

Deno.test("a server does other work between the files of a recording", async () => {
  const names = ["user.get", "user.list", "apps.list", "task.get", "taskSearch.search"];
  const file = JSON.stringify({ format: 1, entries: [] });
  let rounds = 0;
  let immediate = setImmediate(function count() {
    rounds++;
    immediate = setImmediate(count);
  });
  await ReplayTransport.open(new Map(names.map((name) => [`${name}.json`, file])));
  clearImmediate(immediate);
  assert.ok(rounds >= names.length, `${rounds} rounds of the event loop`);
});
