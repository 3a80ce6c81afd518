/** The parts of a cluster, each of which may pause or die. */
import type { TestNats } from "../../support/nats.ts";
import type { TestPostgres } from "../../support/postgres.ts";
import { allGone, descendantsOf, signalUnlessEnded } from "../../support/processes.ts";
import { pause } from "../load.ts";
import type { Balancer } from "./balancer.ts";
import type { Member } from "./member.ts";
import type { Stage } from "./stage.ts";

/** A process with its descendants. */
export interface Part {
  readonly pid: number | undefined;
  /** Kills it, and resolves once it has started again: after this time, or at once if something restarts the part. */
  kill(awayMs: number): Promise<void>;
}

/** Parts that do the same. */
export interface Kind {
  /** One of them, and two of them, in the name of a fault. */
  readonly one: string;
  readonly two: string;
  readonly parts: readonly Part[];
  /** How many may fail while the others do their work. */
  readonly spare: number;
}

/** All parts of a cluster. */
interface ClusterParts {
  readonly nats: readonly Part[];
  readonly postgres: Part;
  readonly nodes: readonly Part[];
  readonly workers: readonly Part[];
  readonly balancer: Part | undefined;
}

export function partsOf({ nats, postgres, nodes, workers, balancer }: Stage): ClusterParts {
  return {
    nats: nats.servers.map(natsPart),
    postgres: postgresPart(postgres),
    nodes: nodes.map(memberPart),
    workers: workers.map(memberPart),
    balancer: balancer === undefined ? undefined : balancerPart(balancer),
  };
}

/** NATS is the first. */
export function kindsOf({ nats, postgres, nodes, workers, balancer }: ClusterParts): Kind[] {
  const isAlone = nats.length === 1;
  return [
    {
      one: isAlone ? "NATS" : "a NATS server",
      two: "two NATS servers",
      parts: nats,
      // A majority of the servers stores content.
      spare: isAlone ? 0 : 1,
    },
    { one: "PostgreSQL", two: "", parts: [postgres], spare: 0 },
    { one: "an API node", two: "both API nodes", parts: nodes, spare: nodes.length - 1 },
    { one: "a worker", two: "two workers", parts: workers, spare: workers.length - 1 },
    { one: "haproxy", two: "", parts: balancer === undefined ? [] : [balancer], spare: 0 },
  ];
}

function natsPart(server: TestNats): Part {
  return {
    get pid() {
      return server.pid;
    },
    async kill(awayMs) {
      await server.stop("SIGKILL");
      await pause(awayMs);
      await server.restart();
    },
  };
}

function postgresPart(postgres: TestPostgres): Part {
  return {
    get pid() {
      return postgres.pid;
    },
    async kill(awayMs) {
      const pids = [postgres.pid, ...descendantsOf(postgres.pid)];
      for (const pid of pids) signalUnlessEnded(pid, "SIGKILL");
      await postgres.stop();
      // Their shared memory would keep the next one from its start.
      await allGone(pids);
      await pause(awayMs);
      await postgres.restart();
    },
  };
}

/** Starts again at once. */
function balancerPart(balancer: Balancer): Part {
  return {
    get pid() {
      return balancer.pid;
    },
    kill: () => balancer.restart(),
  };
}

/** A process of `invoked`, which starts again at once. */
function memberPart(member: Member): Part {
  return {
    get pid() {
      return member.process?.pid;
    },
    kill: () => member.restart("SIGKILL"),
  };
}

/** Stops parts with all of their processes for this time, as machines that pause do. */
export async function stopParts(parts: readonly Part[], ms: number): Promise<void> {
  const stopped: number[] = [];
  for (const { pid } of parts) {
    if (pid === undefined) continue;
    // It starts no process from here on.
    signalUnlessEnded(pid, "SIGSTOP");
    const below = descendantsOf(pid);
    for (const each of below) signalUnlessEnded(each, "SIGSTOP");
    stopped.push(...below, pid);
  }
  await pause(ms);
  for (const pid of stopped) signalUnlessEnded(pid, "SIGCONT");
}
