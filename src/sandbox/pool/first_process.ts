/** The first process of a server: it shows which isolation works, and becomes the root where instances can be forks. */
import { getLogger } from "@logtape/logtape";
import {
  chooseIsolation,
  type Isolation,
  type IsolationChoice,
  missingWall,
} from "../../isolation/mod.ts";
import { probeSingle } from "../diagnostics/probe.ts";
import { Launcher } from "../instance/launcher.ts";
import { processLimits } from "../instance/limits.ts";
import type { Program } from "../instance/program.ts";
import { Root } from "../tree/root.ts";
import type { RootResources } from "../tree/resources.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** What the choice of an isolation has started. */
export interface First {
  readonly launcher: Launcher;
  /** A root that loaded the runtime behind verified walls; else why calls cannot be forked. */
  readonly root: Root | string;
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
    const root = await tryRoot({ launcher, image, socketDir, classBytes });
    const fault = typeof root === "string" ? await probeSingle(launcher) : undefined;
    if (fault === undefined) first = { launcher, root };
    return fault;
  };
  await chooseIsolation(choice, { machine: image.machine, profile: image.profile, probe });
  if (first === undefined) throw new Error("Cannot start: no process was tried");
  return { ...first, dataBytes: await dataBytesOf(first) };
}

async function dataBytesOf(
  { launcher, root }: Omit<First, "dataBytes">,
): Promise<number | undefined> {
  const { limits } = launcher.program;
  if (typeof root !== "string") return processLimits("root", root.idleBytes, limits).dataBytes;
  const idleBytes = await launcher.idleBytes();
  return idleBytes === undefined ? undefined : processLimits("single", idleBytes, limits).dataBytes;
}

/** A root behind verified walls; else what is wrong. */
async function tryRoot(resources: RootResources): Promise<Root | string> {
  const { isolation } = resources.launcher;
  if (!canFork(isolation)) return "this isolation cannot keep forks apart";
  try {
    const root = await Root.start(resources);
    const fault = await missingWall(root.pid, isolation.expected);
    if (fault === undefined) return root;
    await root[Symbol.asyncDispose]();
    return fault;
  } catch (error) {
    logger.debug("no root starts in {walls}: {error}", {
      walls: isolation.walls,
      error: String(error),
    });
    return error instanceof Error ? error.message : String(error);
  }
}
