/** The first process of a server: it shows which isolation works, and becomes the zygote where instances can be forks. */
import { getLogger } from "@logtape/logtape";
import {
  chooseIsolation,
  type Isolation,
  type IsolationChoice,
  missingIsolation,
} from "../../isolation/mod.ts";
import { probeSpawned } from "../diagnostics/probe.ts";
import { Launcher } from "../instance/launcher.ts";
import { processLimits } from "../instance/limits.ts";
import type { Program } from "../instance/program.ts";
import { type RootResources, Zygote } from "../tree/zygote.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** What the choice of an isolation has started. */
export interface First {
  readonly launcher: Launcher;
  /** A zygote that loaded the runtime in verified isolation; else why calls cannot be forked. */
  readonly zygote: Zygote | string;
  /** Limit of the private memory of an instance in bytes; undefined outside Linux. */
  readonly dataBytes: number | undefined;
}

/**
 * Whether instances of this isolation can be forks. All of them may use the directory of sockets, so it must be read-only
 * for them: by its mount, or because it belongs to another user.
 */
function canFork({ mode, expected: { seccomp, uid } }: Isolation): boolean {
  return seccomp && (mode === "bubblewrap" || uid !== undefined);
}

/** Throws `IsolationError` if the choice is not available. */
export async function startFirst(
  choice: IsolationChoice,
  program: Program,
  { image, socketDir }: Pick<RootResources, "image" | "socketDir">,
): Promise<First> {
  let first: Omit<First, "dataBytes"> | undefined;
  const probe = async (isolation: Isolation) => {
    const launcher = new Launcher(isolation, program);
    const { memoryBytes: classBytes } = program.limits;
    const zygote = await tryZygote({ launcher, image, socketDir, classBytes });
    const fault = typeof zygote === "string" ? await probeSpawned(launcher) : undefined;
    if (fault === undefined) first = { launcher, zygote };
    return fault;
  };
  await chooseIsolation(choice, { machine: image.machine, profile: image.profile, probe });
  if (first === undefined) throw new Error("Cannot start: no process was tried");
  return { ...first, dataBytes: await dataBytesOf(first) };
}

async function dataBytesOf(
  { launcher, zygote }: Omit<First, "dataBytes">,
): Promise<number | undefined> {
  const { limits } = launcher.program;
  if (typeof zygote !== "string") {
    return processLimits("zygote", zygote.idleBytes, limits).dataBytes;
  }
  const idleBytes = await launcher.idleBytes();
  return idleBytes === undefined
    ? undefined
    : processLimits("instance", idleBytes, limits).dataBytes;
}

/** A zygote in verified isolation; else what is wrong. */
async function tryZygote(resources: RootResources): Promise<Zygote | string> {
  const { isolation } = resources.launcher;
  if (!canFork(isolation)) return "this isolation cannot keep forks apart";
  try {
    const zygote = await Zygote.start(resources);
    const fault = await missingIsolation(zygote.pid, isolation.expected);
    if (fault === undefined) return zygote;
    await zygote[Symbol.asyncDispose]();
    return fault;
  } catch (error) {
    logger.debug("no zygote starts in {isolation}: {error}", {
      isolation: isolation.description,
      error: String(error),
    });
    return error instanceof Error ? error.message : String(error);
  }
}
