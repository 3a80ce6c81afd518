/** What every instance runs, prepared once for each start of the server. */
import { pathToFileURL } from "node:url";
import type { SandboxLimits } from "../contract.ts";
import { filePart, type Image } from "../image/image.ts";
import { bundleRuntime } from "../image/runtime_bundle.ts";
import { heapMib, type Purpose, type ResourceLimits } from "./process.ts";

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

/** Code in bytes that has to run often before a fork compiles it to baseline code: a short invocation runs less. */
const BASELINE_BATCH_BYTES = 1024 * 1024;
/** After so many calls, or passes of a loop, V8 optimizes a function by default. */
const TURBOFAN_CALLS = 3000;
const OSR_CALLS = 500;
/**
 * V8 without threads of its own, which a fork would lose. Without Maglev a hot loop reaches its full speed then.
 * Baseline code that short invocations compile would be compiled by each fork anew. So would optimized code, and for
 * that a fork has to stop: packages with much work in each invocation (exceljs, pdf-lib) lost a third of their time.
 */
const FORKING_V8_FLAGS = [
  "--single-threaded",
  "--no-maglev",
  `--baseline-batch-compilation-threshold=${BASELINE_BATCH_BYTES}`,
  `--invocation-count-for-turbofan=${4 * TURBOFAN_CALLS}`,
  `--invocation-count-for-osr=${4 * OSR_CALLS}`,
] as const;

/** For an instance without network. */
export const NO_EGRESS_FLAGS = ["--deny-read", "--deny-write", "--deny-net"] as const;

export type Program = Readonly<Awaited<ReturnType<typeof prepareProgram>>>;

/** Writes what instances run to the image. */
export async function prepareProgram(
  limits: SandboxLimits,
  image: Image,
  ca: string | undefined,
) {
  const { machine, runtimeDir, ownDir } = image;
  const bootstrap = await bundleRuntime(runtimeDir, ownDir);
  image.keep({ path: bootstrap, make: async () => void await bundleRuntime(runtimeDir, ownDir) });
  return {
    limits,
    /** The command line with the heap of these limits, these permission flags and bootstrap arguments. */
    command: (
      purpose: Purpose,
      own: ResourceLimits,
      flags: readonly string[],
      args: readonly string[],
    ) => [
      machine.deno,
      "run",
      ...DENY_FLAGS,
      purpose === "zygote" ? "--allow-ffi" : "--deny-ffi",
      ...flags,
      `--v8-flags=${
        [
          ...purpose === "zygote" ? FORKING_V8_FLAGS : [],
          `--max-old-space-size=${heapMib(own)}`,
        ].join(",")
      }`,
      bootstrap,
      ...args,
    ],
    hiddenPaths: [pathToFileURL(bootstrap).href, bootstrap, machine.deno],
    /** File with the certificates of `--egress-ca`. */
    caFile: await addCa(ca, image),
    setsid: machine.programs.setsid,
    /** Makes what somebody removed of the files from which processes start. */
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
