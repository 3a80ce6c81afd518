/** Subjects of NATS. W is the id of a worker, N of an API node, R of a session, I of an invocation. */

const PREFIX = "invoked.v1";

/** The queue group of API nodes. */
export const NODES_GROUP = "api";

/** An id that may be a part of a subject. */
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether a text may be the id of a worker, node, session or invocation. */
export function isId(text: unknown): text is string {
  return typeof text === "string" && ID.test(text);
}

/** Prefix of the inboxes of a user. */
export function inboxOf(user: string): string {
  return `_INBOX.${user}`;
}

/** Whether a subject for replies is an inbox of the user. */
export function isInboxOf(user: string, subject: string): boolean {
  return subject.startsWith(`${inboxOf(user)}.`);
}

export const subjects = {
  /** Worker to all API nodes: its heartbeat. */
  heartbeat: (worker: string) => `${PREFIX}.heartbeat.${worker}`,
  heartbeats: () => `${PREFIX}.heartbeat.*`,
  /** API node to all workers: send a heartbeat now. */
  rollCall: () => `${PREFIX}.rollcall`,
  /** API node to worker: this node does not speak the protocol of the worker. */
  foreign: (worker: string) => `${PREFIX}.worker.${worker}.foreign`,
  /** API node to one worker: may I have a slot? */
  offer: (worker: string) => `${PREFIX}.worker.${worker}.offer`,
  /** API node to one worker: an asynchronous invocation waits for a claim. */
  waiting: (worker: string) => `${PREFIX}.worker.${worker}.waiting`,
  /** Owner to worker: frames of a session. */
  toWorker: (worker: string, session: string) => `${PREFIX}.worker.${worker}.run.${session}`,
  /** API node to worker: scripts to keep ready. */
  prewarm: (worker: string) => `${PREFIX}.worker.${worker}.prewarm`,
  /** API node to worker: load a script for a report. */
  load: (worker: string) => `${PREFIX}.worker.${worker}.load`,
  /** Worker to the API node that asked: the report. */
  report: (worker: string, node: string, request: string) =>
    `${PREFIX}.from.${worker}.${node}.${request}.report`,
  /** All reports from workers for one API node. */
  reports: (node: string) => `${PREFIX}.from.*.${node}.*.report`,
  /** Everything for one worker. */
  ofWorker: (worker: string) => `${PREFIX}.worker.${worker}.>`,
  /** Worker to owner: frames of a session. */
  toNode: (worker: string, node: string, session: string) =>
    `${PREFIX}.from.${worker}.${node}.${session}`,
  /** Everything from workers for one API node. */
  ofNode: (node: string) => `${PREFIX}.from.*.${node}.*`,
  /** Worker to any API node: the worker has a slot for an asynchronous invocation. */
  claim: (worker: string) => `${PREFIX}.claim.${worker}`,
  claims: () => `${PREFIX}.claim.*`,
  /** Worker to any API node: a request for a sealed chunk of an artifact. */
  chunk: (worker: string) => `${PREFIX}.chunk.${worker}`,
  chunks: () => `${PREFIX}.chunk.*`,
  /** API node to all: something of an invocation was recorded. */
  notify: (invocation: string) => `${PREFIX}.notify.${invocation}`,
  /** API node to all: what has changed. */
  changes: (node: string) => `${PREFIX}.notify.changes.${node}`,
  allChanges: () => `${PREFIX}.notify.changes.*`,
  /** API node to the owner of a run: cancel it. */
  cancel: (node: string) => `${PREFIX}.api.${node}.cancel`,
};

/** The parts of a subject after the prefix. */
export function partsOf(subject: string): readonly string[] {
  return subject.slice(PREFIX.length + 1).split(".");
}
