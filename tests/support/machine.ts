/**
 * What this machine has of what tests depend on. A test that needs more is not registered, and `scripts/test` reports
 * it as not tested; what `--require` names fails the run instead.
 */
import { type Mode, MODES } from "../../src/isolation/isolation.ts";
import { diagnoseMachine } from "./diagnosis.ts";

const MISSING = await diagnoseMachine();

/** The isolation modes that are available, the strongest first; suites of isolation run in each. */
export const AVAILABLE_MODES: readonly Mode[] = MODES.filter((mode) => !(mode in MISSING));

/** Whether the server can create memory and pids cgroups. */
export const HAS_CGROUPS = !("cgroups" in MISSING);

/** Registers a test that mounts file systems. */
export function mountTest(
  name: string,
  body: (context: Deno.TestContext) => Promise<void>,
): void {
  if (!("mount" in MISSING)) Deno.test(name, body);
}

/** Registers a test that makes network namespaces, which needs the same rights as a mount. */
export function networkTest(
  name: string,
  body: (context: Deno.TestContext) => Promise<void>,
): void {
  mountTest(name, body);
}

/** Registers a test that mounts file systems, and compiles the shim that makes writes and syncs fail. */
export function mountAndShimTest(
  name: string,
  body: (context: Deno.TestContext) => Promise<void>,
): void {
  if (!("mount" in MISSING)) shimTest(name, body);
}

/** Registers a test that mounts a file system of a process. */
export function fuseTest(name: string, body: () => Promise<void>): void {
  if (!("fuse" in MISSING)) Deno.test(name, body);
}

/** Registers a test that compiles the shim that makes writes and syncs fail. */
export function shimTest(
  name: string,
  body: (context: Deno.TestContext) => Promise<void>,
): void {
  if (!("cc" in MISSING) && Deno.build.os === "linux") Deno.test(name, body);
}

/** Whether processes can be inspected through procfs. */
export const HAS_PROCFS = Deno.build.os === "linux";

/** Registers a test that inspects processes through procfs. */
export function procfsTest(
  name: string,
  body: (context: Deno.TestContext) => Promise<void>,
): void {
  if (HAS_PROCFS) Deno.test(name, body);
}
