/** The faults of a cluster, each of which heals before it resolves. */
import { jetstreamManager, StorageType } from "@nats-io/jetstream";
import { connectNats } from "../../../src/cluster/nats/transport.ts";
import { eventually } from "../../support/eventually.ts";
import type { NatsAddress } from "../../support/nats.ts";
import { descendantsOf, signalUnlessEnded } from "../../support/processes.ts";
import type { Relay } from "../../support/relay.ts";
import type { Fault, FaultContext } from "../injection.ts";
import { pause } from "../load.ts";
import type { Member } from "./member.ts";
import type { Repeater } from "./repeater.ts";
import type { Stage } from "./stage.ts";

/** How long a fault lasts that a lease and a session survive, and one that neither does: both end after 8 s. */
const SHORT_MS = { min: 500, max: 2_000 } as const;
const LONG_MS = { min: 8_000, max: 13_000 } as const;
/** One fault in so many is long, in a run that has the time. */
const LONG_ONE_IN = 3;
const SLOW_MS_MAX = 120;
/** How long a process may take to give up a silent connection to NATS, on a busy machine; a bound, not a measurement. */
const GIVE_UP_MS = 120_000;
const CLOCK_JUMP_SECONDS_MAX = 2 * 60 * 60;
const BALLAST_STREAM = "BALLAST";
const BALLAST_BYTES = 900_000;

export const CLOCK_FAULT = "a jump of the clock of an API node";
export const DISK_FAULT = "a full disk of NATS";

/** What a fault acts on. */
export interface ClusterContext extends FaultContext {
  readonly stage: Stage;
  readonly repeater: Repeater;
  /** Whether some faults last longer than a lease. */
  readonly isLong: boolean;
  /** When workers were killed, by the monotonic clock. */
  readonly workerKills: number[];
}

export const CLUSTER_FAULTS: Readonly<Record<string, Fault<ClusterContext>>> = {
  "kill -9 of a worker": async ({ stage, next, workerKills }) => {
    workerKills.push(performance.now());
    await anyOf(stage.workers, next).restart("SIGKILL");
  },
  "SIGSTOP of a worker": (context) =>
    stopped(context, anyOf(context.stage.workers, context.next).process?.pid),
  "drain of a worker": ({ stage, next }) => anyOf(stage.workers, next).restart("SIGTERM"),
  "kill -9 of an API node": ({ stage, next }) => anyOf(stage.nodes, next).restart("SIGKILL"),
  "SIGSTOP of an API node": (context) =>
    stopped(context, anyOf(context.stage.nodes, context.next).process?.pid),
  "restart of an API node": ({ stage, next }) => anyOf(stage.nodes, next).restart("SIGTERM"),
  "kill -9 of all workers and API nodes": async ({ stage: { members } }) => {
    await Promise.all(members.map((member) => member.restart("SIGKILL")));
  },
  "kill -9 of NATS": async ({ stage, next }) => {
    const server = anyOf(stage.nats.servers, next);
    await server.stop("SIGKILL");
    await pause(next(SHORT_MS.max));
    await server.restart();
  },
  "SIGSTOP of NATS": (context) =>
    stopped(context, anyOf(context.stage.nats.servers, context.next).pid),
  "SIGSTOP of NATS until its clients give up": async ({ stage: { nats, members } }) => {
    const given = members.map(givenUp);
    for (const { pid } of nats.servers) signal(pid, "SIGSTOP");
    try {
      await Promise.all(given.map((isGivenUp) => isGivenUp()));
    } finally {
      for (const { pid } of nats.servers) signal(pid, "SIGCONT");
    }
  },
  "crash of PostgreSQL": async ({ stage: { postgres }, next }) => {
    await postgres.stop("SIGQUIT");
    await pause(next(SHORT_MS.max));
    await postgres.restart();
  },
  "kill -9 of a process of PostgreSQL": ({ stage: { postgres }, next }) => {
    const pids = descendantsOf(postgres.pid);
    signal(pids[next(pids.length)], "SIGKILL");
  },
  "SIGSTOP of PostgreSQL": (context) => {
    const { pid } = context.stage.postgres;
    return stopped(context, pid, ...descendantsOf(pid));
  },
  "cut links": ({ stage, next }) => {
    for (const relay of linksOf(anyOf(stage.members, next))) relay.cut();
  },
  "a silent link to NATS": (context) =>
    silent(context, ...anyOf(context.stage.members, context.next).links.nats),
  "a silent link to NATS that takes new connections": async ({ stage, next }) => {
    const member = anyOf(stage.members, next);
    const isGivenUp = givenUp(member);
    for (const relay of member.links.nats) relay.silence();
    await isGivenUp();
  },
  "a silent link to PostgreSQL": (context) => {
    const { postgres } = anyOf(context.stage.nodes, context.next).links;
    return silent(context, ...postgres === undefined ? [] : [postgres]);
  },
  "slow links": async (context) => {
    const { stage, next } = context;
    const relays = linksOf(anyOf(stage.members, next));
    for (const relay of relays) relay.slow(1 + next(SLOW_MS_MAX));
    await pause(durationOf(context));
    for (const relay of relays) relay.slow(0);
  },
  "repeated and late messages": async (context) => {
    await context.repeater.repeat(durationOf(context));
  },
  [CLOCK_FAULT]: async (context) => {
    const { stage: { clock }, next } = context;
    await clock?.set(next(2 * CLOCK_JUMP_SECONDS_MAX) - CLOCK_JUMP_SECONDS_MAX);
    await pause(durationOf(context));
    await clock?.set(0);
  },
  "a full JetStream": async (context) => {
    const { address } = context.stage.nats;
    await ballast(address, () => pause(durationOf(context)));
  },
  [DISK_FAULT]: async (context) => {
    const { disk, servers } = context.stage.nats;
    await disk?.fill();
    await pause(durationOf(context));
    await disk?.free();
    // As docs/clustering.md says: it may not find what it has.
    await Promise.all(servers.map(async (server) => {
      await server.stop();
      await server.restart();
    }));
  },
};

function anyOf<T>(list: readonly T[], next: (below: number) => number): T {
  const found = list[next(list.length)];
  if (found === undefined) throw new Error("The list is empty");
  return found;
}

function linksOf({ links: { nats, postgres } }: Member): Relay[] {
  return postgres === undefined ? [...nats] : [...nats, postgres];
}

function durationOf({ next, isLong }: ClusterContext): number {
  const { min, max } = isLong && next(LONG_ONE_IN) === 0 ? LONG_MS : SHORT_MS;
  return min + next(max - min);
}

async function stopped(
  context: ClusterContext,
  ...pids: readonly (number | undefined)[]
): Promise<void> {
  for (const pid of pids) signal(pid, "SIGSTOP");
  await pause(durationOf(context));
  for (const pid of pids) signal(pid, "SIGCONT");
}

/** Resolves its result once the member has made another connection to NATS than those that it has now. */
function givenUp({ name, links: { nats } }: Member): () => Promise<unknown> {
  const accepted = () => nats.reduce((sum, relay) => sum + relay.accepted, 0);
  const before = accepted();
  return () =>
    eventually(
      () => Promise.resolve(accepted() > before || undefined),
      `a new connection of ${name} to NATS`,
      GIVE_UP_MS,
    );
}

/** Links that lose all data of one direction, or of both, without an end of their connections. */
async function silent(context: ClusterContext, ...relays: readonly Relay[]): Promise<void> {
  const direction = context.next(3);
  for (const relay of relays) {
    if (direction !== 0) relay.swallow("toServer");
    if (direction !== 1) relay.swallow("toClient");
  }
  await pause(durationOf(context));
  for (const relay of relays) relay.cut();
}

/** Fills the space of streams while the work lasts. */
async function ballast({ client }: NatsAddress, work: () => Promise<void>): Promise<void> {
  const connection = await connectNats(client);
  try {
    const { streams } = await jetstreamManager(connection);
    const subjects = [BALLAST_STREAM];
    await streams.add({ name: BALLAST_STREAM, subjects, storage: StorageType.File });
    const bytes = new Uint8Array(BALLAST_BYTES);
    for (;;) {
      const { error } = (await connection.request(BALLAST_STREAM, bytes)).json<
        { error?: unknown }
      >();
      if (error !== undefined) break;
    }
    await work();
    await streams.delete(BALLAST_STREAM);
  } finally {
    await connection.close();
  }
}

/** Signals a process; one that has ended is left alone. */
function signal(pid: number | undefined, name: Deno.Signal): void {
  if (pid !== undefined) signalUnlessEnded(pid, name);
}
