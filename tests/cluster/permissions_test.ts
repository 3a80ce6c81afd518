/** What the users of `deploy/nats` may do at a real nats-server: an API node all it needs, a worker no more than it needs. */
import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { makeTempDir } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { Connected, FORMS } from "./nats_users.ts";

const PREFIX = "invoked.v1";
const OBJECTS = ["invoked_commits", "invoked_volumes", "invoked_probe"];
const STREAMS = OBJECTS.map((bucket) => `OBJ_${bucket}`);

/** Subjects that a worker may not publish. */
function foreignSubjects(own: string, other: string): string[] {
  const js = (...paths: string[]) => paths.map((path) => `$JS.API.${path}`);
  return [
    ...[
      `from.${other}.node.session`,
      `claim.${other}`,
      `chunk.${other}`,
      `worker.${other}.offer`,
      `worker.${own}.offer`,
      `heartbeat.${other}`,
      `heartbeat.${own}.more`,
    ]
      .map((subject) => `${PREFIX}.${subject}`),
    ...["rollcall", "notify.call", "api.node.cancel", "from", "claim", "heartbeat", "anything"]
      .map((subject) => `${PREFIX}.${subject}`),
    `_INBOX.${other}.x`,
    ...OBJECTS.flatMap((bucket) => [`$O.${bucket}.M.name`, `$O.${bucket}.C.chunk`]),
    ...STREAMS.flatMap((stream) =>
      js(
        ...["PURGE", "DELETE", "UPDATE", "INFO", "MSG.GET", "MSG.DELETE", "SNAPSHOT", "RESTORE"]
          .map((action) => `STREAM.${action}.${stream}`),
        ...["LIST", "NAMES", "DURABLE.CREATE"].map((action) => `CONSUMER.${action}.${stream}`),
        ...[`CONSUMER.CREATE.${stream}`, `CONSUMER.CREATE.${stream}.own.>`],
        ...[`CONSUMER.DELETE.${stream}.workers`, `CONSUMER.PAUSE.${stream}.workers`],
        ...[`DIRECT.GET.${stream}`, `DIRECT.GET.${stream}.$O.object`],
        `CONSUMER.MSG.NEXT.${stream}.workers`,
        `CONSUMER.MSG.NEXT.${stream}.another`,
      )
    ),
    ...js("INFO", "STREAM.CREATE.OTHER", "STREAM.NAMES", "STREAM.LIST", "META.LEADER.STEPDOWN"),
    ...["$JS.ACK.OBJ_invoked_commits.another.1.1.1.1.0", "$SYS.REQ.SERVER.PING"],
  ];
}

/** Subjects that a worker may not subscribe to. */
function foreignPatterns(other: string): string[] {
  return [
    ...[">", `${PREFIX}.>`, `${PREFIX}.*`, `${PREFIX}.from.>`, `${PREFIX}.claim.*`],
    ...[`${PREFIX}.chunk.*`],
    ...[`${PREFIX}.worker.>`, `${PREFIX}.worker.*.offer`, `${PREFIX}.worker.${other}.run.session`],
    ...[`${PREFIX}.notify.>`, `${PREFIX}.api.>`, `${PREFIX}.heartbeat.*`],
    ...["_INBOX.>", "_INBOX.*.*", `_INBOX.${other}.>`, `_INBOX.${other}.x`],
    ...["$JS.>", "$JS.ACK.>", "$KV.>", "$O.>", "$SYS.>", "*.*.*.*"],
  ];
}

/** Everything that API nodes create: buckets with one object. */
async function prepare({ nats }: Connected): Promise<void> {
  for (const bucket of OBJECTS) {
    const objects = await new Objm(nats).create(bucket);
    await objects.putBlob({ name: "object" }, new Uint8Array(10));
  }
}

for (const { name, make } of FORMS) {
  Deno.test(`a worker and an API node reach each other, as ${name}`, async () => {
    await using directory = await makeTempDir();
    const { config, users: [apiUser, workerUser] } = await make(directory.path);
    assert.ok(apiUser !== undefined && workerUser !== undefined);
    await using server = await TestNats.start({ config });
    await using api = await Connected.open(apiUser, server.address);
    await using worker = await Connected.open(workerUser, server.address);
    await prepare(api);

    api.nats.subscribe(`${PREFIX}.claim.*`, {
      queue: "api",
      callback: (_, message) => void message.respond("session"),
    });
    const frames: string[] = [];
    const note = (connected: Connected, subject: string, options = {}) =>
      connected.nats.subscribe(subject, {
        ...options,
        callback: (_, message) => {
          frames.push(`${message.subject} ${message.string()}`);
          message.respond("claims");
        },
      });
    note(api, `${PREFIX}.from.*.node.*`);
    note(worker, `${PREFIX}.worker.${worker.id}.>`);
    note(worker, `${PREFIX}.rollcall`);
    note(api, `${PREFIX}.heartbeat.*`);
    for (const connected of [api, worker]) assert.deepEqual(await connected.denied(), []);

    const reply = await worker.nats.request(`${PREFIX}.claim.${worker.id}`, "call");
    assert.equal(reply.string(), "session");
    api.nats.publish(`${PREFIX}.worker.${worker.id}.offer`, "offer");
    api.nats.publish(`${PREFIX}.rollcall`, "all");
    await api.nats.flush();
    worker.nats.publish(`${PREFIX}.from.${worker.id}.node.session`, "frame");
    worker.nats.publish(`${PREFIX}.heartbeat.${worker.id}`, "beat");
    for (const connected of [worker, api]) assert.deepEqual(await connected.denied(), []);
    assert.deepEqual(frames.toSorted(), [
      `${PREFIX}.from.${worker.id}.node.session frame`,
      `${PREFIX}.heartbeat.${worker.id} beat`,
      `${PREFIX}.rollcall all`,
      `${PREFIX}.worker.${worker.id}.offer offer`,
    ]);

    const answer = await api.nats.request(`${PREFIX}.worker.${worker.id}.waiting`);
    assert.equal(answer.string(), "claims");

    api.nats.subscribe(`${PREFIX}.chunk.*`, {
      queue: "api",
      callback: (_, message) => void message.respond("bytes"),
    });
    await api.nats.flush();
    const chunk = await worker.nats.request(`${PREFIX}.chunk.${worker.id}`, "digest");
    assert.equal(chunk.string(), "bytes");
    for (const connected of [worker, api]) assert.deepEqual(await connected.denied(), []);
  });

  Deno.test(`a worker reaches nothing of others, as ${name}`, async () => {
    await using directory = await makeTempDir();
    const { config, users: [apiUser, workerUser, otherUser] } = await make(directory.path);
    assert.ok(apiUser !== undefined && workerUser !== undefined && otherUser !== undefined);
    await using server = await TestNats.start({ config });
    await using api = await Connected.open(apiUser, server.address);
    await using worker = await Connected.open(workerUser, server.address);
    await using other = await Connected.open(otherUser, server.address);
    await prepare(api);

    const subjects = foreignSubjects(worker.id, other.id);
    for (const subject of subjects) worker.nats.publish(subject, "x");
    assert.deepEqual(await worker.denied(), subjects.map((subject) => `publish ${subject}`));
    const patterns = foreignPatterns(other.id);
    for (const pattern of patterns) worker.nats.subscribe(pattern, { callback() {} });
    assert.deepEqual(await worker.denied(), patterns.map((pattern) => `subscription ${pattern}`));

    const heard: string[] = [];
    for (const pattern of ["from.>", "claim.*", "heartbeat.*", "notify.>", "api.>"]) {
      const callback = (_: unknown, { subject }: { subject: string }) => void heard.push(subject);
      api.nats.subscribe(`${PREFIX}.${pattern}`, { callback });
    }
    await api.nats.flush();
    // NATS sends what JetStream answers to any subject that a request names, whatever its sender may publish.
    const gets = STREAMS.map((stream) => `$JS.API.DIRECT.GET.${stream}`);
    for (const reply of subjects) {
      for (const get of gets) {
        for (const request of ["", `{"seq":1}`, `{"seq":100}`]) {
          worker.nats.publish(get, request, { reply });
        }
      }
    }
    const denied = await worker.denied();
    assert.equal(denied.length, subjects.length * gets.length * 3);
    await api.nats.flush();
    assert.deepEqual(heard, []);

    const manager = await jetstreamManager(api.nats, { checkAPI: false });
    const messages = await Promise.all(
      STREAMS.map(async (stream) => (await manager.streams.info(stream)).state.messages),
    );
    assert.deepEqual(messages, [2, 2, 2], "nothing was written or erased");
  });
}
