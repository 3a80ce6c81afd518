/** The work that recordings take in the process of the server. */
import assert from "node:assert/strict";
import { clearImmediate, setImmediate } from "node:timers";
import { recordingFiles } from "../../src/tenants/recording/format.ts";
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
  assert.deepEqual(done, [], "other work runs before the large answer is recorded");
  await Promise.all(both);
  assert.deepEqual(done, ["large", "small"]);
  const [{ answers } = { answers: [] }] = recorder.recording.get("user.list") ?? [];
  assert.deepEqual(answers.map(({ body }) => body), [large, { list: ["small"] }]);
});

/** How many rounds of the event loop begin while a recording is opened. */
async function roundsOf(files: ReadonlyMap<string, string>): Promise<number> {
  let rounds = 0;
  let immediate = setImmediate(function count() {
    rounds++;
    immediate = setImmediate(count);
  });
  await ReplayTransport.open(files);
  clearImmediate(immediate);
  return rounds;
}

Deno.test("a server does other work between the files of a recording, and between many values", async () => {
  const names = ["user.get", "user.list", "apps.list", "task.get", "taskSearch.search"];
  const file = JSON.stringify({ format: 1, entries: [] });
  const rounds = await roundsOf(new Map(names.map((name) => [`${name}.json`, file])));
  assert.ok(rounds >= names.length, `${rounds} rounds of the event loop`);
  const entries = Array.from({ length: 10 }, (_, n) => ({
    request: { verb: "POST", path: `/${n}`, body: Array(20_000).fill(0) },
    answers: [{ status: 200 }],
  }));
  const large = JSON.stringify({ format: 1, entries });
  const more = await roundsOf(new Map([["user.list.json", large]]));
  assert.ok(more >= 2 * entries.length, `${more} rounds of the event loop`);
});

Deno.test("a recording has no more values than a replay reads", async () => {
  const recorder = new Recorder(maskRules(undefined));
  const body = { values: Array(99_000).fill(0) };
  const recording = recorder.around(new Bodies(Array(11).fill(body)));
  const list = request("user.list", "/api/v1/users");
  for (let call = 0; call < 10; call++) await recording.send(list, NEVER, { attempt: recorder });
  await assert.rejects(recording.send(list, NEVER, { attempt: recorder }), {
    code: "TENANT_ANSWER_TOO_LARGE",
    message:
      /^sdk\.user\.list was not recorded: user\.list\.json must have at most 1,000,000 values/,
  });
  await ReplayTransport.open(recordingFiles(recorder.recording));
});
