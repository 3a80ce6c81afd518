/**
 * Prepares what all invocations share: the files that instances run, the sockets and the first process. The first
 * process shows which isolation works, and becomes the zygote if instances can be forks.
 */
import { getLogger } from "@logtape/logtape";
import {
  chooseIsolation,
  type Isolation,
  type IsolationChoice,
  missingIn,
  openSocketDir,
} from "../../isolation/mod.ts";
import type { ReuseLimits, SandboxLimits } from "../contract.ts";
import { probeSpawned } from "../diagnostics/probe.ts";
import { type EgressOptions, EgressProxy } from "../egress/proxy.ts";
import { openImage } from "../image/image.ts";
import { Launcher } from "../instance/launcher.ts";
import {
  memoryClasses,
  openCgroups,
  type ProcessLimits,
  processLimits,
} from "../instance/process.ts";
import { prepareProgram, type Program } from "../instance/program.ts";
import { TreeSocket } from "../tree/tree_socket.ts";
import { Trees, type ZygoteAges } from "../tree/trees.ts";
import { type RootResources, Zygote } from "../tree/zygote.ts";
import { SpawnedInstances } from "./spawned_instances.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** Options of all sandboxes. */
export interface SandboxOptions extends ZygoteAges {
  /** A private directory of the server, created when missing. Holds the compiled runtime and no user data. */
  readonly cacheDir: string;
  readonly egress: EgressOptions;
  readonly reuse: ReuseLimits;
  /** The mode to use, or `auto` for the strongest available one. */
  readonly isolation: IsolationChoice;
  /** Directories of the wrappers, separated by colons. */
  readonly searchPath: string;
}

/** What invocations start from. */
export type Prepared = Readonly<Awaited<ReturnType<typeof prepare>>>;

/** Throws `IsolationError` if the chosen isolation is not available. */
export async function prepare(limits: SandboxLimits, options: SandboxOptions) {
  const { cacheDir, searchPath } = options;
  await using opened = new AsyncDisposableStack();
  const image = opened.use(await openImage(cacheDir, searchPath));
  const program = await prepareProgram(limits, image, options.egress.ca);
  const socketDir = opened.use(await openSocketDir(image.ownDir, image.sharedDir));
  image.keep(socketDir.part);
  const egress = opened.use(new EgressProxy(options.egress, socketDir));
  const socket = opened.use(new TreeSocket(socketDir));
  const first = await startFirst(options.isolation, program, { image, socketDir });
  const { launcher, zygote } = first;
  await using unowned = new AsyncDisposableStack();
  if (typeof zygote !== "string") unowned.use(zygote);
  const instanceLimits = await instanceLimitsOf(first);
  const cgroups = instanceLimits && await openCgroups(image.machine, instanceLimits);
  if (cgroups !== undefined) opened.use(cgroups);
  const { isolation } = launcher;
  const resources = {
    launcher,
    image,
    socketDir,
    socket,
    egress,
    cgroups,
    maxima: memoryClasses(limits)[0],
    socketDirInside: isolation.socketDirInside(socketDir.path),
    forkCounts: { forked: 0, failed: 0 },
  };
  /** The trees of forks; else why instances cannot be forked. */
  const trees = typeof zygote === "string" ? zygote : new Trees(zygote, resources, limits, options);
  unowned.move();
  const spawned = new SpawnedInstances(launcher, { egress, cgroups });
  const { forkCounts } = resources;
  // The last one holds everything that the instances need.
  return { isolation, cgroups, spawned, trees, forkCounts, opened: opened.move() };
}

/** What the choice of an isolation has started. */
interface First {
  readonly launcher: Launcher;
  /** A zygote that loaded the runtime in verified isolation; else why instances cannot be forked. */
  readonly zygote: Zygote | string;
}

/**
 * Whether instances of this isolation can be forks. All of them may use the directory of sockets, so they must not be able
 * to change it: by its mount, by Landlock and seccomp, or because it belongs to another user.
 */
function canFork({ mode, expected: { seccomp, uid } }: Isolation): boolean {
  return seccomp && (mode !== "process" || uid !== undefined);
}

async function startFirst(
  choice: IsolationChoice,
  program: Program,
  { image, socketDir }: Pick<RootResources, "image" | "socketDir">,
): Promise<First> {
  let first: First | undefined;
  const probe = async (isolation: Isolation) => {
    const launcher = new Launcher(isolation, program);
    const [maxima] = memoryClasses(program.limits);
    const zygote = await tryZygote({ launcher, image, socketDir, maxima });
    const error = typeof zygote === "string" ? await probeSpawned(launcher) : undefined;
    if (error === undefined) first = { launcher, zygote };
    return error;
  };
  await chooseIsolation(choice, { machine: image.machine, profile: image.profile, probe });
  if (first === undefined) throw new Error("No process was tried");
  return first;
}

/** The limits of an instance with the default ones; undefined outside Linux. */
async function instanceLimitsOf({ launcher, zygote }: First): Promise<ProcessLimits | undefined> {
  const { limits } = launcher.program;
  if (typeof zygote !== "string") return zygote.limitsOf(limits);
  const idleBytes = await launcher.idleBytes.get();
  return idleBytes === undefined ? undefined : processLimits("instance", idleBytes, limits);
}

/** A zygote in verified isolation; else what is wrong. */
async function tryZygote(resources: RootResources): Promise<Zygote | string> {
  const { isolation } = resources.launcher;
  if (!canFork(isolation)) return "this isolation cannot keep forks apart";
  try {
    const zygote = await Zygote.start(resources);
    const failure = missingIn(zygote.status, isolation.expected);
    if (failure === undefined) return zygote;
    await zygote[Symbol.asyncDispose]();
    return failure;
  } catch (error) {
    logger.debug("no zygote starts in {isolation}: {error}", {
      isolation: isolation.description,
      error: String(error),
    });
    return error instanceof Error ? error.message : String(error);
  }
}
