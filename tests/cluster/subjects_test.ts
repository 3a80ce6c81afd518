/** Every subject of the code is one that `deploy/nats` permits to those who use it, and to no others. */
import assert from "node:assert/strict";
import type { Role } from "../../src/cluster/credentials/permissions.ts";
import { subjects } from "../../src/cluster/nats/subjects.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { Connected, FORMS } from "./nats_users.ts";

interface Use {
  /** A subject for this worker. */
  readonly subject: (worker: string) => string;
  /** Who sends it; undefined for a pattern. */
  readonly from?: Role;
  readonly to?: Role;
}

/** A subject that is added must be named here. */
const USES: Readonly<Record<keyof typeof subjects, Use>> = {
  heartbeat: { subject: subjects.heartbeat, from: "worker", to: "api" },
  heartbeats: { subject: subjects.heartbeats, to: "api" },
  rollCall: { subject: subjects.rollCall, from: "api", to: "worker" },
  foreign: { subject: subjects.foreign, from: "api", to: "worker" },
  offer: { subject: subjects.offer, from: "api", to: "worker" },
  waiting: { subject: subjects.waiting, from: "api", to: "worker" },
  toWorker: {
    subject: (worker) => subjects.toWorker(worker, "session"),
    from: "api",
    to: "worker",
  },
  prewarm: { subject: subjects.prewarm, from: "api", to: "worker" },
  load: { subject: subjects.load, from: "api", to: "worker" },
  report: {
    subject: (worker) => subjects.report(worker, "node", "request"),
    from: "worker",
    to: "api",
  },
  reports: { subject: () => subjects.reports("node"), to: "api" },
  ofWorker: { subject: subjects.ofWorker, to: "worker" },
  toNode: {
    subject: (worker) => subjects.toNode(worker, "node", "session"),
    from: "worker",
    to: "api",
  },
  ofNode: { subject: () => subjects.ofNode("node"), to: "api" },
  claim: { subject: subjects.claim, from: "worker", to: "api" },
  claims: { subject: subjects.claims, to: "api" },
  chunk: { subject: subjects.chunk, from: "worker", to: "api" },
  chunks: { subject: subjects.chunks, to: "api" },
  notify: { subject: () => subjects.notify("call"), from: "api", to: "api" },
  changes: { subject: () => subjects.changes("node"), from: "api", to: "api" },
  allChanges: { subject: subjects.allChanges, to: "api" },
  cancel: { subject: () => subjects.cancel("node"), from: "api", to: "api" },
};

for (const { name, make } of FORMS) {
  Deno.test(`subjects are permitted to those who use them alone, as ${name}`, async () => {
    await using directory = await makeTempDir();
    const { config, users: [apiUser, workerUser] } = await make(directory.path);
    assert.ok(apiUser !== undefined && workerUser !== undefined);
    await using server = await TestNats.start({ config });
    await using api = await Connected.open(apiUser, server.address);
    await using worker = await Connected.open(workerUser, server.address);
    for (const [use, { subject: subjectOf, from, to }] of Object.entries(USES)) {
      const subject = subjectOf(worker.id);
      for (const [role, user] of [["api", api], ["worker", worker]] as const) {
        user.nats.subscribe(subject, { callback() {} });
        const isDenied = await user.denied();
        assert.deepEqual(
          isDenied,
          to === role ? [] : [`subscription ${subject}`],
          `${role} ${use}`,
        );
        if (from === undefined) continue;
        user.nats.publish(subject);
        const expected = from === role ? [] : [`publish ${subject}`];
        assert.deepEqual(await user.denied(), expected, `${role} ${use}`);
      }
    }
  });
}
