/** Recordings: their files, masks, strict replay, and files that an attacker wrote. */
import assert from "node:assert/strict";
import type { TenantTransport } from "../../src/tenants/contract.ts";
import { readRecording, recordingFiles } from "../../src/tenants/recording/format.ts";
import { maskRules } from "../../src/tenants/recording/mask_rules.ts";
import { Recorder } from "../../src/tenants/recording/recorder.ts";
import { RecordingError } from "../../src/tenants/recording/recording_error.ts";
import { ReplayTransport } from "../../src/tenants/recording/replay.ts";
import { startExampleTenant, TenantClient } from "./example_client.ts";
import { Bodies, bodyOf, NEVER, notRecorded, replayOf, request } from "./support/recordings.ts";

Deno.test("what was recorded of a tenant is replayed, and nothing else", async () => {
  await using tenant = await startExampleTenant();
  using client = await TenantClient.open(tenant.credentials);
  const recorder = new Recorder(maskRules(undefined));
  const real: TenantTransport = {
    async send({ verb, path, body }) {
      const answer = await client.call(verb, path, body);
      return { status: answer.status, headers: {}, body: JSON.stringify(answer.body) };
    },
  };
  const recording = recorder.around(real);
  const missing = request("user.get", "/api/v1/users/nobody");
  const first = request("user.list", "/api/v1/users?page_size=10");
  const page = await bodyOf(recording, first) as { nextPageToken: string; list: unknown[] };
  assert.equal(page.nextPageToken, "page-1");
  const next = request("user.list", "/api/v1/users?page_size=10&page_token=page-1");
  const second = await bodyOf(recording, next);
  assert.equal((await recording.send(missing, NEVER)).status, 404);
  const search = request("appSearch.search", "/api/v1/search/apps", { query: "Code", appIds: [] });
  await bodyOf(recording, search);

  const files = recordingFiles(recorder.recording);
  assert.deepEqual([...files.keys()], ["appSearch.search.json", "user.get.json", "user.list.json"]);
  const replay = await replayOf(recorder);
  assert.deepEqual(await bodyOf(replay, first), page);
  assert.deepEqual(await bodyOf(replay, next), second);
  assert.equal((await replay.send(missing, NEVER)).status, 404);
  // Neither the order of parameters nor that of fields counts.
  const turned = { ...next, path: "/api/v1/users?page_token=page-1&page_size=10" };
  assert.deepEqual(await bodyOf(replay, turned), second);
  const sorted = { ...search, body: JSON.stringify({ appIds: [], query: "Code" }) };
  assert.ok(await bodyOf(replay, sorted));
  assert.equal(
    await notRecorded(replay, request("user.list", "/api/v1/users?page_size=20")),
    "sdk.user.list: the recording does not have the request GET /api/v1/users?page_size=20; " +
      "the nearest recorded request is GET /api/v1/users?page_size=10; " +
      "record it with invoked test --record",
  );
  const other = await notRecorded(replay, request("apps.get", "/api/v1/apps/1"));
  assert.match(other, /^sdk\.apps\.get: .* the nearest recorded request is GET \/api\/v1\/users\//);
});

Deno.test("equal requests get the recorded answers in their order, and then the last one", async () => {
  const recorder = new Recorder(maskRules(undefined));
  const recording = recorder.around(new Bodies([{ state: "open" }, { state: "closed" }]));
  const get = request("task.get", "/api/v1/tasks/1");
  for (let n = 0; n < 2; n++) await recording.send(get, NEVER);
  const replay = await replayOf(recorder);
  const states = [];
  for (let n = 0; n < 4; n++) states.push(await bodyOf(replay, get));
  const closed = { state: "closed" };
  assert.deepEqual(states, [{ state: "open" }, closed, closed, closed]);
});

const SECRET = "secret-token:conductorone.com:v1:abcdefghijklmnop";
const PERSON = {
  id: "2abcUser",
  displayName: "Ada Lovelace",
  email: "ada@corp.io",
  emails: ["ada@corp.io", "invented@example.com"],
  department: "Engineering",
  profile: { costCenter: "4711", manager: "Charles Babbage", nested: { office: "B2" } },
  apiKey: "k-1",
};

Deno.test("secrets, tokens, mail addresses and names are masked, the same always alike", async () => {
  const recorder = new Recorder(maskRules(undefined));
  const tenant = new Bodies([
    { list: [{ task: { displayName: "Grant Member to Ada Lovelace" } }] },
    { user: PERSON, app: { displayName: "Ada Lovelace's app" }, note: `call ${SECRET}` },
    { list: [PERSON], nextPageToken: "" },
  ]);
  const recording = recorder.around(tenant);
  await recording.send(request("taskSearch.search", "/api/v1/search/tasks", {}), NEVER);
  const seen = await bodyOf(recording, request("user.get", "/api/v1/users/2abcUser"));
  assert.deepEqual((seen as { user: unknown }).user, {
    id: "2abcUser",
    displayName: "Masked name 1",
    email: "masked-1@example.com",
    emails: ["masked-1@example.com", "invented@example.com"],
    department: "Engineering",
    profile: {
      costCenter: "masked-text-1",
      manager: "masked-text-2",
      nested: { office: "masked-text-3" },
    },
    apiKey: "masked-secret-1",
  });
  // The function asks for what a masked answer named; the tenant gets the real text.
  const query = { query: "masked-1@example.com" };
  await recording.send(request("userSearch.search", "/api/v1/search/users", query), NEVER);
  assert.deepEqual(JSON.parse(tenant.requests[2]?.body ?? ""), { query: "ada@corp.io" });
  const texts = [...recordingFiles(recorder.recording).values()].join("");
  for (const hidden of ["Ada", "Lovelace", "Babbage", "corp.io", "4711", "B2", "k-1", SECRET]) {
    assert.ok(!texts.includes(hidden), `${hidden} in ${texts}`);
  }
  assert.deepEqual(recorder.summary, {
    calls: 3,
    masked: { name: 1, mail: 1, text: 3, secret: 2 },
    literals: [],
    times: [],
  });
});

Deno.test("numbers, keys, settings of connectors and passwords in URLs are masked", async () => {
  const recorder = new Recorder(maskRules(undefined));
  const deep = JSON.parse(`${'{"a":'.repeat(12)}"deep-secret"${"}".repeat(12)}`);
  const person = {
    email: "ada@corp.io",
    profile: { employeeNumber: 4711, level: 3, mobile: 491701234567, deep, isAdmin: true },
  };
  const connector = {
    displayName: "Directory",
    config: { "@type": "type.example/Config", nested: { value: "hunter2", port: 4444 }, deep },
    syncUrl: "https://ada:hunter3@corp.io/sync, https://corp.io/@here, ldap://p@ss@corp.io",
  };
  const tenant = new Bodies([
    { user: person, owners: { "ada@corp.io": { count: 4711 } }, connector, employeeNo: 4711 },
    {},
  ]);
  const recording = recorder.around(tenant);
  const seen = await bodyOf(recording, request("connector.get", "/api/v1/x/1")) as {
    readonly [name in "user" | "owners" | "connector" | "employeeNo"]: unknown;
  };
  const hidden = JSON.parse(`${'{"a":'.repeat(12)}"masked-text-4"${"}".repeat(12)}`);
  const profile = {
    employeeNumber: 9000000000001,
    level: 9000000000002,
    mobile: 9000000000003,
    deep: hidden,
    isAdmin: true,
  };
  assert.deepEqual(seen.user, { email: "masked-1@example.com", profile });
  // A number without a rule for its field is no number of a person.
  assert.deepEqual(seen.owners, { "masked-1@example.com": { count: 4711 } });
  assert.equal(seen.employeeNo, 9000000000001);
  const texts = [...recordingFiles(recorder.recording).values()].join("");
  for (const found of ["hunter", "deep-secret", "ada", "4444", "p@ss", "491701234567"]) {
    assert.ok(!texts.includes(found), `${found} in ${texts}`);
  }
  assert.match(texts, /"@type": "type\.example\/Config"/);
  assert.match(texts, /https:\/\/masked-secret-\d+@corp\.io\/sync, https:\/\/corp\.io\/@here, /);
  // The tenant gets the masked values, in each form that a function can send.
  const sent = { byOwner: { "masked-1@example.com": profile.mobile }, id: `${profile.level}` };
  await recording.send(request("user.list", "/api/v1/search/users", sent), NEVER);
  assert.deepEqual(JSON.parse(tenant.requests[1]?.body ?? ""), {
    byOwner: { "ada@corp.io": 491701234567 },
    id: "3",
  });
});

Deno.test("a secret is masked whatever it looks like, and with all that its object has", async () => {
  const deep = (inner: unknown, levels: number): unknown =>
    levels === 0 ? inner : { inner: [[deep(inner, levels - 1)]] };
  const secret = {
    password: "hunter2@localhost",
    apiKey: "live-9f8e.test",
    userName: "ada@localhost",
    note: "sent Bearer abcdefgh12345.example.com to nobody@example.com",
    profile: { host: "ada.test", deep: deep("far below the profile", 10) },
    address: { lines: [{ street: "1 Babbage Street" }] },
    credential: {
      createdAt: "2026-01-02T03:04:05Z",
      parts: [{ first: "part-one" }, [["part-two"]]],
      displayName: "part-three",
      deep: deep("far below the secret", 10),
    },
  };
  const recorder = new Recorder(maskRules(undefined));
  const recording = recorder.around(new Bodies([{ email: "ada@corp.io", ...secret }]));
  const { note, credential } = await bodyOf(
    recording,
    request("user.get", "/api/v1/users/1"),
  ) as typeof secret;
  const recorded = [...recordingFiles(recorder.recording).values()].join("");
  const texts = ["hunter2", "live-9f8e", "ada@", "abcdefgh", "ada.test", "far below", "Babbage"];
  for (const hidden of [...texts, "part-"]) {
    assert.ok(!recorded.includes(hidden), `${hidden} in ${recorded}`);
  }
  assert.match(note, /^sent masked-secret-\d+ to nobody@example\.com$/);
  assert.equal(credential.createdAt, "2026-01-02T03:04:05Z");

  const rules = JSON.stringify({ fields: { "credential.displayName": "keep", apiKey: "name" } });
  const own = new Recorder(maskRules(rules)).around(new Bodies([secret]));
  const kept = await bodyOf(own, request("user.get", "/api/v1/users/1")) as typeof secret;
  assert.equal(kept.credential.displayName, "part-three");
  assert.match(kept.apiKey, /^Masked name \d+$/);
});

Deno.test("texts of the code itself are masked and named, or kept by a rule", async () => {
  const search = (query: string) => request("userSearch.search", "/api/v1/search/users", { query });
  const recorder = new Recorder(maskRules(undefined));
  await recorder.around(new Bodies([{ list: [] }])).send(search("ada@corp.io"), NEVER);
  assert.deepEqual(recorder.summary.literals, ["userSearch.search"]);
  const message = await notRecorded(await replayOf(recorder), search("ada@corp.io"));
  assert.match(message, /nearest recorded request .*masked-1@example\.com/);

  const rules = JSON.stringify({
    fields: { "profile.costCenter": "keep", department: "text" },
    keep: ["ada@corp.io"],
  });
  const own = new Recorder(maskRules(rules));
  const recording = own.around(new Bodies([{ list: [PERSON] }]));
  const { list: [person] } = await bodyOf(recording, search("ada@corp.io")) as {
    readonly list: readonly (typeof PERSON)[];
  };
  assert.deepEqual(
    [person?.email, person?.department, person?.profile.costCenter, person?.profile.manager],
    ["ada@corp.io", "masked-text-1", "4711", "masked-text-2"],
  );
  assert.deepEqual(own.summary.literals, []);
});

const TASKS = "/api/v1/search/tasks";
const tasksAfter = (createdAfter: string, more = {}) =>
  request("taskSearch.search", TASKS, { createdAfter, ...more });

Deno.test("a time of the clock is named, and not what the code or an answer has", async () => {
  const recorder = new Recorder(maskRules(undefined));
  const createdAt = "2026-01-02T03:04:05.678901Z";
  const recording = recorder.around(new Bodies([{ task: { createdAt } }, {}, {}, {}, {}, {}]));
  await recording.send(request("task.get", "/api/v1/tasks/1"), NEVER);
  for (const time of ["2026-01-01T00:00:00.000Z", "2026-01-02T03:04:05.678Z", "yesterday"]) {
    await recording.send(tasksAfter(time), NEVER);
  }
  assert.deepEqual(recorder.summary.times, []);
  // Of a year ago, and of this run in whole seconds.
  const ago = new Date(Date.now() - 365 * 86_400_000);
  ago.setUTCMilliseconds(829);
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const nested = { grants: [{ until: now }] };
  await recording.send(tasksAfter(ago.toISOString(), nested), NEVER);
  const query = `/api/v1/users?since=${encodeURIComponent(ago.toISOString())}`;
  await recording.send(request("user.list", query), NEVER);
  assert.deepEqual(recorder.summary.times, [
    { operation: "taskSearch.search", field: "createdAfter" },
    { operation: "taskSearch.search", field: "grants.until" },
    { operation: "user.list", field: "since" },
  ]);
});

Deno.test("fields that the rules ignore do not count in requests", async () => {
  const rules = JSON.stringify({ fields: { createdAfter: "any", since: "any", token: "any" } });
  const recorder = new Recorder(maskRules(rules));
  const first = "2026-01-01T09:16:20.819Z";
  const second = "2026-01-01T09:16:29.549Z";
  const answer = { createdAfter: first, list: [1] };
  const tenant = new Bodies([answer, { list: [2] }, { list: [3] }, { list: [4] }]);
  const recording = recorder.around(tenant);
  await recording.send(tasksAfter(first, { token: "abc" }), NEVER);
  await recording.send(tasksAfter(second, { token: "def" }), NEVER);
  await recording.send(tasksAfter(first, { query: "a" }), NEVER);
  const since = (time: string) => request("user.list", `/api/v1/users?since=${time}`);
  await recording.send(since(first), NEVER);
  // The tenant gets what the function has sent.
  const bodies = tenant.requests.map(({ body = "{}" }) => JSON.parse(body).createdAfter);
  assert.deepEqual(bodies, [first, second, first, undefined]);
  const { summary } = recorder;
  assert.deepEqual([summary.times, summary.literals, summary.masked], [[], [], {}]);

  const files = new Map([...recordingFiles(recorder.recording), ["masking.json", rules]]);
  const recorded = files.get("taskSearch.search.json") ?? "";
  assert.match(recorded, /"createdAfter": "\*",\n\s+"token": "\*"/);
  const replay = await ReplayTransport.open(files);
  const later = "2027-07-07T07:07:07.007Z";
  // Answers have the field as the tenant gave it.
  assert.deepEqual(await bodyOf(replay, tasksAfter(later, { token: "x" })), answer);
  assert.deepEqual(await bodyOf(replay, tasksAfter(later, { token: "y" })), { list: [2] });
  assert.deepEqual(await bodyOf(replay, since(later)), { list: [4] });
  const message = await notRecorded(replay, tasksAfter(later, { query: "b" }));
  assert.match(
    message,
    /request POST \S+ {"createdAfter":"\*","query":"b"}; the nearest .*"a"}; record it with/,
  );
});

Deno.test("rules that are newer than the recording apply to its requests", async () => {
  const recorder = new Recorder(maskRules(undefined));
  const recording = recorder.around(new Bodies([{ list: [2] }, { list: [1] }]));
  await recording.send(tasksAfter("2026-01-02T00:00:00Z"), NEVER);
  await recording.send(tasksAfter("2026-01-01T00:00:00Z"), NEVER);
  const rules = JSON.stringify({ fields: { createdAfter: "any" } });
  const files = [...recordingFiles(recorder.recording), ["masking.json", rules] as const];
  const replay = await ReplayTransport.open(new Map(files));
  const asked = tasksAfter("2027-01-01T00:00:00Z");
  assert.deepEqual(await bodyOf(replay, asked), { list: [1] });
  assert.deepEqual(await bodyOf(replay, asked), { list: [2] });
});

Deno.test("a recording of other forms is rejected, with the file and the field", async () => {
  const entry = {
    request: { verb: "GET", path: "/api/v1/users" },
    answers: [{ status: 200, body: {} }],
  };
  const read = (entries: unknown, name = "user.list.json") => () =>
    readRecording(new Map([[name, JSON.stringify({ format: 1, entries })]]));
  const rejects = (run: () => unknown, message: RegExp) =>
    assert.rejects(
      async () => await run(),
      (error) => error instanceof RecordingError && message.test(error.message),
    );
  assert.equal((await read([entry])()).get("user.list")?.length, 1);
  await rejects(() => readRecording(new Map()), /the folder has no recording/);
  await rejects(
    () => readRecording(new Map([["user.list.json", "{"]])),
    /^user\.list\.json: is not JSON/,
  );
  await rejects(read([], "../user.json"), /is not named as an operation/);
  await rejects(read([], "a.b.c.json"), /is not named as an operation/);
  await rejects(read({}), /^user\.list\.json: entries: must be an array/);
  await rejects(read([{ ...entry, answers: [] }]), /entries\.0\.answers: must not be empty/);
  await rejects(read([{ ...entry, more: 1 }]), /entries\.0: has no field "more"/);
  await rejects(read([entry, entry]), /entries\.1\.request: repeats entries\.0/);
  for (const path of ["https://evil.example/", "//evil.example/x", "/a b", "/%zz", "", "a"]) {
    const own = { ...entry, request: { verb: "GET", path } };
    await rejects(read([own]), /entries\.0\.request\.path: must be/);
  }
  const status = { ...entry, answers: [{ status: 99 }] };
  await rejects(read([status]), /entries\.0\.answers\.0\.status/);
  const values = Array.from({ length: 100_001 }, () => 0);
  const large = { ...entry, answers: [{ status: 200, body: { values } }] };
  await rejects(read([large]), /entries\.0\.answers\.0\.body: must have at most 100,000 values/);
  const asked = { ...entry, request: { verb: "POST", path: "/a", body: { values } } };
  await rejects(read([asked]), /entries\.0\.request\.body: must have at most 100,000 values/);
  const empty = Array(1_000_000).fill({});
  await rejects(read(empty), /^user\.list\.json: must have at most 1,000,000 values$/);
  await rejects(read(empty.slice(1, 20_000)), /entries: must have at most 10,000 entries/);
  const deep = `{"format": 1, "entries": ${"[".repeat(300)}${"]".repeat(300)}}`;
  await rejects(() => readRecording(new Map([["a.b.json", deep]])), /at most 200 levels/);
  await rejects(() => maskRules("[]"), /^masking\.json: /);
  await rejects(() => maskRules('{"fields": {"a b": "text"}}'), /fields\.a b: is no field such as/);
  const fields = (names: readonly string[]) =>
    JSON.stringify({ fields: Object.fromEntries(names.map((name) => [name, "any"])) });
  const many = fields(Array.from({ length: 1_001 }, (_, n) => `a${n}`));
  await rejects(
    () => maskRules(many),
    /fields: must have at most 1,000 fields; it has 1,001 fields/,
  );
  const long = JSON.stringify({ keep: ["é".repeat(128 * 1024)] });
  await rejects(
    () => maskRules(long),
    /^masking\.json: must have at most 256 KiB; it has 262,157 B$/,
  );
  await rejects(() => maskRules(fields(["a.b.c.d.e.f.g.h.i"])), /fields: a\.b.* more than 8 names/);
  await rejects(
    () => maskRules('{"fields": {"a": "hidden"}}'),
    /fields\.a: must be one of secret, .*; it is "hidden"$/,
  );
});
