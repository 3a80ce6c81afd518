/** Invocations without further attempts, and replays. */
import assert from "node:assert/strict";
import { base64, type Json } from "../support/client.ts";
import { assertError, assertInvalid } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { deadLetters, QUICK, settings, start, STATUS, UNSTEADY } from "./support.ts";

const TWICE = { retryPolicy: { ...QUICK, maxAttempts: 2 } };
const FIXED = `export default (input, { trigger }) => ({ input, trigger });`;

async function parks({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  const single = await start(client, id, { until: 9 });
  await client.ended(id, single);
  assert.deepEqual(await deadLetters(client, id), [], "an invocation that may start once");
  await settings(client, id, TWICE);
  await client.invoke(id, { until: 9 });
  assert.deepEqual(await deadLetters(client, id), [], "an invocation with a caller that waits");
  const good = await start(client, id, { until: 2 });
  assert.equal((await client.ended(id, good)).status, `${STATUS}SUCCESS`);
  const failed = await start(client, id, { until: 9 });
  const { attempts, error, endedAt } = await client.ended(id, failed);
  const other = await start(client, id, { until: 9, how: "exit" });
  await client.ended(id, other);
  assert.deepEqual(await deadLetters(client, id), [other, failed], "newest first");
  const { body } = await client.get(`/api/v1/functions/${id}/dead_letters/${failed}`);
  assert.deepEqual(body.deadLetter, {
    id: failed,
    functionId: id,
    invocationId: failed,
    attempts,
    error,
    parkedAt: endedAt,
  });
  const all = await client.get("/api/v1/functions/-/dead_letters?page_size=100");
  assert.ok(all.body.list.some((one: Json) => one.id === failed));
}

async function replays({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, TWICE);
  const failed = await start(client, id, { until: 9 });
  await client.ended(id, failed);
  const path = `/api/v1/functions/${id}/dead_letters/${failed}`;
  const answers = await Promise.all([1, 2, 3].map(() => client.post(`${path}/replay`)));
  const [started, ...others] = answers.filter(({ status }) => status === 200);
  assert.deepEqual(others, [], "one replay of several at once");
  const again = await client.ended(id, started?.body.invocationId);
  assert.deepEqual(again.input, { until: 9 });
  assert.deepEqual(again.trigger, { kind: "TRIGGER_KIND_REPLAY", id: failed });
  assert.deepEqual(await deadLetters(client, id), [again.id]);
  for (const answer of [await client.post(`${path}/replay`), await client.get(path)]) {
    assertError(answer, "DEAD_LETTER_NOT_FOUND", /does not exist, or was replayed or dropped$/);
  }
  const drop = `/api/v1/functions/${id}/dead_letters/${again.id}`;
  assert.deepEqual((await client.call("DELETE", drop)).body, {});
  assertError(await client.call("DELETE", drop), "DEAD_LETTER_NOT_FOUND");
  assert.deepEqual(await deadLetters(client, id), []);
  assert.equal((await client.invocation(id, again.id)).status, `${STATUS}ERROR`);
}

async function replaysEdited({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, TWICE);
  const [failed = "", other = ""] = [
    await start(client, id, { until: 9 }),
    await start(client, id, { until: 8 }),
  ];
  for (const one of [failed, other]) await client.ended(id, one);
  const { body: { commit } } = await client.commit(id, { "main.ts": FIXED });
  const path = (letter: string) => `/api/v1/functions/${id}/dead_letters/${letter}/replay`;
  const wrong: readonly [Json, "json" | "commitId"][] = [
    [{ json: base64("[]") }, "json"],
    [{ json: "%" }, "json"],
  ];
  for (const [body, field] of wrong) {
    assertInvalid(await client.post(path(failed), body), field);
  }
  assertError(await client.post(path(failed), { commitId: id }), "COMMIT_NOT_FOUND");
  assert.deepEqual(await deadLetters(client, id), [other, failed], "what is rejected stays");
  const edited = await client.post(path(failed), { json: base64('{"until":0}') });
  const again = await client.ended(id, edited.body.invocationId);
  assert.deepEqual([again.status, again.input], [`${STATUS}SUCCESS`, { until: 0 }]);
  const fixed = await client.post(path(other), { commitId: "HEAD" });
  assert.equal((await client.ended(id, fixed.body.invocationId)).commitId, commit.id);
  assert.deepEqual(await deadLetters(client, id), []);
}

async function many({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, TWICE);
  const failed: string[] = [];
  for (const input of [{ until: 9 }, { until: 9, how: "exit" }, { until: 9, how: "text" }]) {
    failed.unshift(await start(client, id, input));
  }
  for (const one of failed) await client.ended(id, one);
  const [text, exited, thrown] = failed;
  // It is not parked, though the filter finds it.
  await client.invoke(id, { until: 9 });
  const letters = `/api/v1/functions/${id}/dead_letters`;
  const bulk = async (what: "replay" | "drop", body: Json) => {
    const answer = await client.post(`${letters}/${what}`, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  for (const [filter, count] of [[{}, 3], [{ errorWord: "EXITED" }, 1], [{ query: "9" }, 3]]) {
    for (const what of ["replay", "drop"] as const) {
      assert.deepEqual(await bulk(what, { filter, dryRun: true }), { count, skipped: 0 });
    }
  }
  assert.deepEqual(await deadLetters(client, id), failed, "a dry run changes nothing");
  const ids = async (query: string) => {
    const { list } = (await client.get(`${letters}?${query}`)).body;
    return list.map((one: Json) => one.id);
  };
  assert.deepEqual(await ids("error_word=UNCAUGHT"), [thrown]);
  assert.deepEqual(await ids("query=exit"), [exited]);
  assertInvalid(await client.get(`${letters}?error_word=no%20word`), "error_word");

  const dropped = await bulk("drop", { filter: { errorWord: "BAD_OUTPUT" } });
  assert.deepEqual(dropped, { count: 1, skipped: 0 });
  assert.deepEqual(await deadLetters(client, id), [exited, thrown]);
  assert.equal((await client.invocation(id, text as string)).status, `${STATUS}ERROR`);
  const replayed = await bulk("replay", { filter: { errorWord: "UNCAUGHT" } });
  assert.deepEqual(replayed, { count: 1, skipped: 0 });
  const ofReplays = { functionIds: [id], triggerKind: "TRIGGER_KIND_REPLAY" };
  const { list: [replay] } = (await client.post("/api/v1/search/invocations", ofReplays)).body;
  assert.equal(replay.trigger.id, thrown);
  await client.ended(id, replay.id);
  assert.deepEqual(await deadLetters(client, id), [replay.id, exited]);
}

async function replaysAny({ client }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  const { body: { invocationId } } = await client.invoke(id, { until: 9 });
  const { body: { commit } } = await client.commit(id, { "main.ts": FIXED });
  const path = `/api/v1/functions/${id}/invocations/${invocationId}/replay`;
  const replay = async (body: Json) => {
    const answer = await client.post(path, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return await client.ended(id, answer.body.invocationId);
  };
  const trigger = { kind: "TRIGGER_KIND_REPLAY", id: invocationId };
  const same = await replay({});
  assert.deepEqual([same.input, same.trigger], [{ until: 9 }, trigger]);
  assert.match(same.error, /^UNCAUGHT: Error: not yet/);
  const edited = await replay({ json: base64('{"until":0}') });
  assert.deepEqual(edited.output, { attempt: 1, trigger: { kind: "replay", id: invocationId } });
  for (const commitId of ["HEAD", commit.id]) {
    const other = await replay({ commitId });
    assert.deepEqual([other.commitId, other.output.input], [commit.id, { until: 9 }]);
  }
  const { id: elsewhere } = (await client.createFunction("elsewhere")).function;
  assertError(
    await client.post(`/api/v1/functions/${elsewhere}/invocations/${invocationId}/replay`),
    "INVOCATION_NOT_FOUND",
  );
  assertError(await client.post(path, { json: base64("[]") }), "INVALID_FIELD");
  assertError(await client.post(path, { commitId: id }), "COMMIT_NOT_FOUND");
}

async function commandLine({ client, server }: Stage): Promise<void> {
  const id = await client.deploy(UNSTEADY);
  await settings(client, id, TWICE);
  const failed = await start(client, id, { until: 9 });
  await client.ended(id, failed);
  const invoked = (...args: string[]) =>
    runInvoked(args, { env: { INVOKED_DATA: server.dataDir } });
  const list = await invoked("dead-letters", "list", id);
  assert.match(
    list.stdout,
    new RegExp(`^${failed}\\s${id}\\s.*\\s2\\sUNCAUGHT: Error: not yet$`, "m"),
  );
  const shown = await invoked("dead-letters", "show", failed);
  assert.match(shown.stdout, new RegExp(`^id\\s+${failed}$`, "m"), shown.stderr);
  assert.match(shown.stdout, /^attempts\s+1 ended .*: UNCAUGHT: Error: not yet\n\s+2 ended /m);
  assert.match(shown.stdout, /"until": 9/);
  const { attempts } = JSON.parse((await invoked("dead-letters", "show", failed, "--json")).stdout);
  assert.equal(attempts.length, 2);
  const { stdout, stderr } = await invoked("dead-letters", "replay", failed);
  assert.match(stdout, /^[0-9A-Za-z]{27}\n$/, stderr);
  await client.ended(id, stdout.trim());
  assert.deepEqual(await deadLetters(client, id), [stdout.trim()]);
  assert.equal((await invoked("dead-letters", "drop", stdout.trim())).code, 0);
  assert.equal((await invoked("dead-letters", "list", id)).stdout, "");
  for (const command of ["show", "drop"]) {
    assert.match(
      (await invoked("dead-letters", command, failed)).stderr,
      /Dead letter .* does not exist/,
    );
  }
  const replayed = await invoked("replay", failed, "--input", '{"until": 1}');
  const again = await client.ended(id, replayed.stdout.trim());
  assert.deepEqual([again.status, again.input], [`${STATUS}SUCCESS`, { until: 1 }]);
  assert.match(
    (await invoked("show", id, again.id)).stdout,
    new RegExp(`^started by\\s+replay ${failed}$`, "m"),
  );
}

sharedSuite("a dead letter", {
  "is a failed invocation that could start again": parks,
  "is replayed once, or dropped": replays,
  "is replayed with another input or commit": replaysEdited,
  "is one of many that a filter replays or drops": many,
  "is listed, replayed and dropped by the command line": commandLine,
});

sharedSuite("a replay", {
  "has the same or another input and commit": replaysAny,
});
