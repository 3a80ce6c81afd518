/** What every instance runs, prepared once for each start of the server. */
import { pathToFileURL } from "node:url";
import type { Confinement } from "../../isolation/mod.ts";
import type { SandboxLimits } from "../contract.ts";
import { filePart, type Image } from "../image/image.ts";
import { bundleRuntime } from "../image/runtime_bundle.ts";

const BYTES_PER_MIB = 1024 * 1024;
const MS_PER_SECOND = 1000;
/** Least V8 heap in MiB with which the runtime itself starts. */
const HEAP_MIN_MIB = 16;
/** V8's young generation, which the limit of its heap leaves out. Without threads of its own V8 fills it before it collects. */
const YOUNG_GENERATION_BYTES = 32 * BYTES_PER_MIB;

const DENY_FLAGS = [
  "--no-prompt",
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--no-code-cache",
  "--cached-only",
  "--deny-import",
  "--deny-env",
  "--deny-sys",
  "--deny-run",
] as const;

/**
 * V8 without threads of its own, which a fork would lose. Without Maglev a hot loop reaches its full speed then. The
 * root collects its garbage once, because every page that it has costs each fork.
 */
const FORKING_V8_FLAGS = ["--single-threaded", "--no-maglev", "--expose-gc"] as const;

/** For an instance without network. */
export const NO_EGRESS_FLAGS = ["--deny-read", "--deny-write", "--deny-net"] as const;

/** Whether a process forks others: only then it may call foreign functions, until it is hardened. */
export type Purpose = "single" | "root";

/** Limits of a process that runs a call. */
export type CallLimits = Required<Pick<Confinement, "dataBytes" | "cpuSeconds">>;

export interface Program {
  /** The command line with these permission flags and bootstrap arguments. */
  command(purpose: Purpose, flags: readonly string[], args: readonly string[]): readonly string[];
  /** Limits of a single instance or of a root's fork. @param idleBytes private memory of the runtime alone */
  limitsOf(purpose: Purpose, idleBytes: number): CallLimits;
  readonly hiddenPaths: readonly string[];
  /** File with the certificates of `--egress-ca`. */
  readonly caFile: string | undefined;
  readonly setsid: string | undefined;
  /** Makes what somebody removed of the files from which processes start. */
  restore(): Promise<void>;
}

/** Writes what instances run to the image. */
export async function prepareProgram(
  limits: SandboxLimits,
  image: Image,
  ca: string | undefined,
): Promise<Program> {
  const heapMib = Math.max(HEAP_MIN_MIB, Math.floor(limits.memoryBytes / BYTES_PER_MIB));
  const { machine, runtimeDir } = image;
  const bootstrap = await bundleRuntime(runtimeDir);
  image.keep({ path: bootstrap, make: async () => void await bundleRuntime(runtimeDir) });
  return {
    command: (purpose, flags, args) => [
      machine.deno,
      "run",
      ...DENY_FLAGS,
      purpose === "root" ? "--allow-ffi" : "--deny-ffi",
      ...flags,
      `--v8-flags=${
        [...purpose === "root" ? FORKING_V8_FLAGS : [], `--max-old-space-size=${heapMib}`].join(",")
      }`,
      bootstrap,
      ...args,
    ],
    limitsOf: (purpose, idleBytes) => ({
      dataBytes: idleBytes + limits.memoryBytes + (purpose === "root" ? YOUNG_GENERATION_BYTES : 0),
      cpuSeconds: Math.ceil(limits.cpuTimeMs / MS_PER_SECOND),
    }),
    hiddenPaths: [pathToFileURL(bootstrap).href, bootstrap, machine.deno],
    caFile: await addCa(ca, image),
    setsid: machine.programs.setsid,
    restore: () => image.restore(),
  };
}

/** Writes the operator's certificates where instances can read them: Node's TLS verifies certificates itself. */
async function addCa(ca: string | undefined, image: Image): Promise<string | undefined> {
  if (ca === undefined) return undefined;
  const path = `${image.runtimeDir}/egress-ca.pem`;
  const part = filePart(path, new TextEncoder().encode(ca));
  await part.make();
  image.keep(part);
  return path;
}
