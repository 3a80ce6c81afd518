/** The faults, each of which heals before it resolves. */
import type { Failure } from "../support/disk.ts";
import { descendantsOf } from "../support/processes.ts";
import { checkDamagedCopy } from "./damaged_copy.ts";
import type { Fault, FaultContext } from "./injection.ts";
import { type LoadIds, pause } from "./load.ts";
import type { Target } from "./target.ts";

/** How long a fault lasts at most. */
const FAULT_MS_MAX = 2_000;
/** A server needs descriptors to accept connections; so few more are left to it. */
const DESCRIPTORS_LEFT = 3;

/** Longer than an access token and the grace of volumes, shorter than a day of idempotency keys. */
const CLOCK_JUMP_SECONDS_MAX = 2 * 60 * 60;
/** The fault that needs libfaketime. */
export const CLOCK_FAULT = "a jump of the clock";

/** What a fault acts on. */
interface ServerContext extends FaultContext {
  readonly target: Target;
  /** The data directory. */
  readonly dataDir: string;
  readonly ids: LoadIds;
  /** Notes what the server does wrong. */
  readonly report: (violations: readonly string[]) => void;
}

/** The faults by their names in the summary. */
export const FAULTS: Readonly<Record<string, Fault<ServerContext>>> = {
  "kill -9 of the server": ({ target }) =>
    target.expecting("kill", async () => {
      signal(target.pid, "SIGKILL");
      await target.ready();
    }),
  "kill -9 of a process below the server": ({ target, next }) => {
    for (const pid of below(target, next, 1)) signal(pid, "SIGKILL");
  },
  "kill -9 of all processes below the server": ({ target }) => {
    for (const pid of below(target, () => 0, Infinity)) signal(pid, "SIGKILL");
  },
  "SIGSTOP of the server": (context) => stopped(context, context.target.pid),
  "SIGSTOP of a process below the server": async (context) => {
    const [pid] = below(context.target, context.next, 1);
    await stopped(context, pid);
  },
  "a full disk": (context) => disk(context, { operation: "write", error: "ENOSPC" }),
  "a disk that rejects writes": (context) => disk(context, { operation: "write", error: "EIO" }),
  "kill -9 on a full disk": ({ target, dataDir, next }) =>
    target.expecting("kill", async () => {
      await target.shim.set({ operation: "write", error: "ENOSPC", path: `${dataDir}/` });
      await pause(next(FAULT_MS_MAX));
      signal(target.pid, "SIGKILL");
      await target.ready();
    }),
  "a failed sync of the database": (context) => failedSync(context, "/invoked.db"),
  "a failed sync of blobs": (context) => failedSync(context, "/volume-blobs"),
  "too few descriptors": ({ target, next }) =>
    target.expecting("panic", async () => {
      const { pid } = target;
      if (pid === undefined) return;
      const open = await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`)).catch(() => []);
      const before = await limitDescriptors(pid, open.length + DESCRIPTORS_LEFT);
      await pause(next(FAULT_MS_MAX));
      if (before !== undefined) await limitDescriptors(pid, before);
      await target.ready();
    }),
  "a damaged copy of the data": async ({ target, dataDir, ids, next, report }) => {
    const { pid } = target;
    signal(pid, "SIGSTOP");
    const check = await checkDamagedCopy(dataDir, ids, next).finally(() => signal(pid, "SIGCONT"));
    report(await check());
  },
  [CLOCK_FAULT]: async ({ target: { clock }, next }) => {
    await clock?.set(next(2 * CLOCK_JUMP_SECONDS_MAX) - CLOCK_JUMP_SECONDS_MAX);
    await pause(next(FAULT_MS_MAX));
    await clock?.set(0);
  },
  "clients that vanish": ({ target }) => clients(target, 20, () => Promise.resolve()),
  "slow clients": ({ target, next }) =>
    clients(target, 20, async (connection) => {
      await pause(next(FAULT_MS_MAX));
      await connection.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\n"));
    }),
};

/** Processes below the server, picked at random. */
function below(
  target: Target,
  next: (below: number) => number,
  count: number,
): number[] {
  const { pid } = target;
  const pids = pid === undefined ? [] : [...descendantsOf(pid)];
  const picked: number[] = [];
  while (picked.length < count && pids.length > 0) {
    picked.push(...pids.splice(next(pids.length), 1));
  }
  return picked;
}

/** Signals a process; one that has ended is left alone. */
function signal(pid: number | undefined, name: Deno.Signal): void {
  if (pid === undefined) return;
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
}

async function stopped({ next }: ServerContext, pid: number | undefined): Promise<void> {
  signal(pid, "SIGSTOP");
  await pause(next(FAULT_MS_MAX));
  signal(pid, "SIGCONT");
}

async function disk(
  { target, dataDir, next }: ServerContext,
  fault: Failure,
): Promise<void> {
  await target.shim.set({ ...fault, path: `${dataDir}/` });
  await pause(next(FAULT_MS_MAX));
  await target.shim.set();
}

/** The server ends with the code of a failed sync once it syncs, and starts again. */
async function failedSync({ target, dataDir, next }: ServerContext, path: string): Promise<void> {
  const error = next(2) === 0 ? "EIO" : "ENOSPC";
  await target.expecting("failed sync", async () => {
    await target.shim.set({ operation: "sync", error, path: `${dataDir}${path}` });
    await pause(FAULT_MS_MAX);
    await target.shim.set();
    await target.ready();
  });
}

/** Sets the soft limit of open descriptors of a process; answers the one before. */
async function limitDescriptors(pid: number, limit: number): Promise<number | undefined> {
  const run = async (...args: string[]) => {
    const command = new Deno.Command("prlimit", { args: [`--pid=${pid}`, ...args] });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  };
  const before = await run("--nofile", "--output=SOFT", "--noheadings");
  await run(`--nofile=${limit}:`);
  return before === undefined ? undefined : Number(before);
}

/** Connections that begin a request and close before its end. */
async function clients(
  target: Target,
  count: number,
  use: (connection: Deno.TcpConn) => Promise<void>,
): Promise<void> {
  const { hostname, port } = new URL((await target.client()).url);
  const head = new TextEncoder().encode("POST /auth/v1/token HTTP/1.1\r\nContent-Length: 1000\r\n");
  await Promise.allSettled(Array.from({ length: count }, async () => {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(head);
    await use(connection);
  }));
}
