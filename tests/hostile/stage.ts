/** Runs hostile functions through the API and checks their effects. */
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { EGRESS_SOCKET_INSIDE, SOCKETS_INSIDE } from "../../src/isolation/isolation.ts";
import { Host } from "../egress/support.ts";
import type { Client, Json } from "../support/client.ts";
import { copyDownloads } from "../support/downloads.ts";
import { copy } from "../support/invoked.ts";
import { filledOnce } from "../support/once.ts";
import { socketDirsOf } from "../support/socket_dirs.ts";
import { TestServer } from "../support/server.ts";
import { type Canaries, openCanaries } from "./canaries.ts";
import { canFollow, type End, endIn, type Hostile, mainOfAttempts, type Mode } from "./hostile.ts";

/** Hostile functions that run concurrently. */
const CONCURRENCY = 4;
/** Attempts of one invocation: few enough for its limit of processor time. */
const TOGETHER_MAX = 6;

/** Allowed by the operator, so that functions can reach something. */
const OPEN_ADDRESS = "127.0.0.2";

/** What {@link deployAll} leaves in its directory. */
const DATA = "data";
const IDS = "ids.json";

/** Where a hostile function is: a deployed function, and which of its attempts. */
interface DeployedFunction {
  readonly id: string;
  readonly attempt: number;
}

/** Everything that outlives one server: canaries, a data directory, and the functions deployed in it. */
export interface Ground extends AsyncDisposable {
  readonly canaries: Canaries;
  readonly host: Host;
  readonly dataDir: string;
  readonly functions: Map<Hostile, DeployedFunction>;
}

/** @param deployed a directory that {@link deployAll} has filled; without it, functions are deployed when they run */
export async function openGround(deployed?: Deployed): Promise<Ground> {
  await using opened = new AsyncDisposableStack();
  const canaries = opened.use(await openCanaries());
  const host = opened.use(new Host({ hostname: OPEN_ADDRESS }));
  const directory = await Deno.makeTempDir({ prefix: "invoked-test-" });
  opened.defer(() => Deno.remove(directory, { recursive: true }));
  const dataDir = join(directory, DATA);
  if (deployed !== undefined) await copy(join(deployed.directory, DATA), dataDir);
  const all = opened.move();
  return {
    canaries,
    host,
    dataDir,
    functions: new Map(deployed?.functions),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Deployed functions and the data directory that holds them, for every ground that copies it. */
export interface Deployed {
  readonly directory: string;
  readonly functions: ReadonlyMap<Hostile, DeployedFunction>;
}

/**
 * Deploys the functions once for all files of a run. Attempts that need no allowlist share one function: each
 * invocation has an instance of its own.
 */
export async function deployAll(all: readonly Hostile[]): Promise<Deployed> {
  const bodies: string[] = [];
  const mains: string[] = [];
  const functions = all.map(({ main, attempt, allowlist }) =>
    attempt === undefined || allowlist !== undefined
      ? { main: mains.push(main), attempt: 0 }
      : { main: 0, attempt: bodies.push(attempt) - 1 }
  );
  mains.unshift(mainOfAttempts(bodies));
  const directory = await filledOnce("hostile", async (directory) => {
    await using server = await TestServer.start({ dataDir: join(directory, DATA) });
    const client = await server.client();
    const ids: string[] = [];
    const queue = mains.entries();
    const work = async () => {
      for (const [at, main] of queue) ids[at] = await client.deploy(main);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    await Deno.writeTextFile(join(directory, IDS), JSON.stringify(ids));
    await server.stop();
  });
  const ids: string[] = JSON.parse(await Deno.readTextFile(join(directory, IDS)));
  const deployedAt = (at: number): DeployedFunction => {
    const { main = 0, attempt = 0 } = functions[at] ?? {};
    return { id: ids[main] ?? "", attempt };
  };
  return { directory, functions: new Map(all.map((hostile, at) => [hostile, deployedAt(at)])) };
}

/** A server in one mode on the ground, with a good function and one that has a secret. */
export class Stage implements AsyncDisposable {
  #check: Promise<string[]> = Promise.resolve([]);
  #nextCheck: Promise<string[]> | undefined;
  readonly #allowed = new Set<Hostile>();

  private constructor(
    readonly ground: Ground,
    readonly mode: Mode,
    readonly server: TestServer,
    readonly client: Client,
    readonly goodId: string,
    private readonly socketDir: string,
  ) {}

  /** @param user id of the server's user; that of the tests where absent */
  static async open(
    ground: Ground,
    mode: Mode,
    flags: readonly string[],
    user?: number,
  ): Promise<Stage> {
    const server = await TestServer.start({
      dataDir: ground.dataDir,
      flags: ["--isolation", mode, "--egress-allow-private", `${OPEN_ADDRESS}/32`, ...flags],
      env: { CANARY: ground.canaries.tokens.environment, HOME: ground.dataDir },
      launcher: user === undefined ? [] : await launcherOf(user, ground.dataDir),
    });
    const client = await server.client();
    const goodId = await client.deploy(GOOD);
    await update(client, goodId, "secret", { secret: { CANARY: ground.canaries.tokens.secret } });
    const socketDir = await socketDirOf(ground.dataDir, mode);
    return new Stage(ground, mode, server, client, goodId, socketDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  /** Whether the server forks instances. */
  async forks(): Promise<boolean> {
    return (await this.client.get("/api/v1/status")).body.instances !== undefined;
  }

  /** Runs each function, some at a time, and returns the errors, each with the name of its function. */
  async attack(all: readonly Hostile[], concurrency = CONCURRENCY): Promise<string[]> {
    const errors: string[] = [];
    const queue = this.#invocationsOf(all);
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        errors.push(...await this.#judge(next));
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return errors;
  }

  /** What runs in the same invocation: attempts of one function that leave nothing, or one hostile function. */
  #invocationsOf(all: readonly Hostile[]): Hostile[][] {
    const groups = Map.groupBy(
      all,
      (one) => canFollow(one) ? this.ground.functions.get(one)?.id ?? one : one,
    );
    return [...groups.values()].flatMap((group) =>
      Array.from(
        { length: Math.ceil(group.length / TOGETHER_MAX) },
        (_, n) => group.slice(n * TOGETHER_MAX, (n + 1) * TOGETHER_MAX),
      )
    );
  }

  async #judge(together: readonly Hostile[]): Promise<string[]> {
    const deployed: DeployedFunction[] = [];
    for (const hostile of together) deployed.push(await this.#deployed(hostile));
    const errors: string[] = [];
    for (let n = 0; n < (together[0]?.invocations ?? 1); n++) {
      errors.push(...await this.#judgeCall(deployed, together));
    }
    return errors;
  }

  async #judgeCall(
    deployed: readonly DeployedFunction[],
    together: readonly Hostile[],
  ): Promise<string[]> {
    const id = deployed[0]?.id ?? "";
    const attempts = deployed.map(({ attempt }) => attempt);
    const names = together.map(({ name }) => name).join(", ");
    const answer = await this.client.invoke(id, { ...this.#input(), attempts });
    if (answer.status !== 200) {
      return [`${names}: the invocation was answered ${JSON.stringify(answer.body)}`];
    }
    const { invocationId } = answer.body;
    const invocation = await this.client.invocation(id, invocationId);
    const logs = await this.client.get(
      `/api/v1/functions/${id}/invocations/${invocationId}/logs?page_size=100`,
    );
    const lines: string[] = logs.body.list.map(({ message }: Json) => message);
    const { input: _, ...answered } = invocation;
    const ofAll = [
      ...this.#leaks(JSON.stringify([answer.body, answered, lines, logs.body])),
      ...await this.ground.canaries.look(),
      ...await this.#healthFaults(),
    ];
    return [
      ...together.flatMap((hostile, at) =>
        this.#faultsOf(hostile, endAt(invocation, hostile, at), lines)
          .map((fault) => `${hostile.name}: ${fault}`)
      ),
      ...ofAll.map((fault) => `${names}: ${fault}`),
    ];
  }

  /** What is wrong with the end and the log of one function. */
  #faultsOf(hostile: Hostile, ended: Ended, lines: readonly string[]): string[] {
    const { logs } = hostile;
    return [
      ...endFault(ended, endIn(hostile, this.mode)),
      ...(logs !== undefined && !lines.some((line) => logs.test(line))
        ? [`its log has no line ${logs}: ${JSON.stringify(lines).slice(0, 500)}`]
        : []),
    ];
  }

  /** Canaries in the text, plain and in base64. */
  #leaks(text: string): string[] {
    return Object.entries(this.ground.canaries.tokens)
      .filter(([, token]) => text.includes(token) || text.includes(btoa(token)))
      .map(([deployed]) => `LEAK of the canary in the ${deployed}`);
  }

  /** A check that begins from now on. Callers during a check share the next one. */
  #healthFaults(): Promise<string[]> {
    return this.#nextCheck ??= this.#check.then(() => {
      this.#nextCheck = undefined;
      return this.#check = this.#checkHealth();
    });
  }

  async #checkHealth(): Promise<string[]> {
    try {
      const health = await this.client.get("/healthz");
      if (health.status !== 200) return [`the server is unhealthy: ${health.status}`];
      const good = await this.client.invoke(this.goodId, { n: 20 });
      const { output } = await this.client.invocation(this.goodId, good.body.invocationId);
      return isDeepStrictEqual(output, { n: 21 }) ? [] : ["a good function failed"];
    } catch (error) {
      return [`the server cannot be reached: ${error}`];
    }
  }

  #input(): Json {
    const { canaries, host, dataDir } = this.ground;
    const { file, port, udpPort, unix, abstract, pid } = canaries;
    return {
      ...{ file, port, udpPort, unix, abstract, dataDir },
      canaryPid: pid,
      serverPid: this.server.pid,
      // Where the egress socket of a spawned instance is in bubblewrap mode.
      egressSocket: EGRESS_SOCKET_INSIDE,
      socketDir: this.socketDir,
      host: `${OPEN_ADDRESS}:${host.port}`,
    };
  }

  async #deployed(hostile: Hostile): Promise<DeployedFunction> {
    const { functions, canaries, host } = this.ground;
    const deployed = functions.get(hostile) ??
      { id: await this.client.deploy(hostile.main), attempt: 0 };
    functions.set(hostile, deployed);
    // The ports differ from ground to ground.
    if (hostile.allowlist !== undefined && !this.#allowed.has(hostile)) {
      this.#allowed.add(hostile);
      const outboundNetworkAllowlist = hostile.allowlist.map((entry) =>
        entry.replace("CANARY", `${canaries.port}`).replace("HOST", `${OPEN_ADDRESS}:${host.port}`)
      );
      await update(this.client, deployed.id, "outboundNetworkAllowlist", {
        outboundNetworkAllowlist,
      });
    }
    return deployed;
  }
}

const GOOD = "export default ({ n }: { n: number }) => ({ n: n + 1 });\n";

async function update(client: Client, id: string, updateMask: string, fields: Json): Promise<void> {
  const { status, body } = await client.post("/api/v1/functions/update", {
    function: { id, ...fields },
    updateMask,
  });
  if (status !== 200) throw new Error(`Cannot update: ${JSON.stringify(body)}`);
}

/** How an invocation, or an attempt in it, ended. */
interface Ended {
  readonly output?: Json;
  readonly error?: string;
}

/** The end of the attempt at this position; that of the invocation, if it makes no attempts. */
function endAt({ output, error }: Json, { attempt }: Hostile, at: number): Ended {
  return { output: attempt === undefined ? output : output?.ends?.[at], error };
}

/** Why an end is wrong. */
function endFault(ended: Ended, end: End): string[] {
  if ("anyOf" in end) {
    const errors = end.anyOf.map((one) => endFault(ended, one));
    return errors.some(({ length }) => length === 0) ? [] : errors.flat();
  }
  const { output, error } = ended;
  const shown = JSON.stringify(output ?? { error }).slice(0, 500);
  if ("error" in end) return end.error.test(error ?? "") ? [] : [`not ${end.error} but ${shown}`];
  if ("outputMatches" in end) {
    return output !== undefined && end.outputMatches.test(JSON.stringify(output))
      ? []
      : [`not ${end.outputMatches} but ${shown}`];
  }
  return isDeepStrictEqual(output, end.output)
    ? []
    : [`not ${JSON.stringify(end.output).slice(0, 200)} but ${shown}`];
}

/** Starts a server as this user, without capabilities, on a data directory that becomes the user's. */
async function launcherOf(user: number, dataDir: string): Promise<readonly string[]> {
  // The downloads are a link to those of the run, which the user cannot reach.
  await copyDownloads(dataDir);
  const { success } = await new Deno.Command("chown", { args: ["-R", `${user}`, dataDir] })
    .output();
  if (!success) throw new Error(`Cannot give ${dataDir} to user ${user}`);
  // Above it is a directory of this user.
  await Deno.chmod(dirname(dataDir), 0o755);
  return [
    "setpriv",
    "--no-new-privs",
    ...[`--reuid=${user}`, `--regid=${user}`, "--clear-groups"],
    ...["--inh-caps=-all", "--bounding-set=-all", "--"],
  ];
}

/** The directory of the sockets of a server's instances, as they see it. */
async function socketDirOf(dataDir: string, mode: Mode): Promise<string> {
  if (mode === "bubblewrap") return SOCKETS_INSIDE;
  const [path] = await socketDirsOf(dataDir);
  if (path !== undefined) return path;
  throw new Error(`No directory of sockets belongs to ${dataDir}`);
}
