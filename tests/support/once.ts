/** Work that test files of one run share: the first file does it, the others wait for it. */
import { join } from "node:path";
import { kill, pid } from "node:process";
import { eventually } from "./eventually.ts";

/** A directory that `scripts/test` removes at the end of the run. */
export const RUN_DIR_VARIABLE = "TEST_RUN_DIR";

/** How long the work may take on a busy machine. */
const PATIENCE_MS = 900_000;
const REMOVAL_PATIENCE_MS = 60_000;
const REMOVAL_PAUSE_MS = 50;

let ownDir: string | undefined;

/** A file of the directory whose name ends so names a process that ends with the run. */
export const PROCESS_SUFFIX = ".pid";

/** Kills the processes of a run, and removes its directory. */
export function endRun(directory: string): void {
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.endsWith(PROCESS_SUFFIX)) continue;
    try {
      Deno.kill(Number(Deno.readTextFileSync(join(directory, name))), "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const deadline = Date.now() + REMOVAL_PATIENCE_MS;
  for (;;) {
    try {
      return Deno.removeSync(directory, { recursive: true });
    } catch (error) {
      // A killed process may still write.
      if (Date.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVAL_PAUSE_MS);
    }
  }
}

/** Outside of `scripts/test` every file has a directory of its own. */
function runDir(): string {
  const given = Deno.env.get(RUN_DIR_VARIABLE);
  if (given !== undefined) return given;
  if (ownDir === undefined) {
    const made = ownDir = Deno.makeTempDirSync({ prefix: "invoked-test-run-" });
    addEventListener("unload", () => endRun(made));
  }
  return ownDir;
}

/** A new directory of the run. @param prefix of its name */
export async function newDirectory(prefix: string): Promise<string> {
  return await Deno.makeTempDir({ dir: runDir(), prefix: `${prefix}-` });
}

/** Waits until no other test file of the run holds the lock of this name, and holds it until it is disposed. */
export async function lock(name: string): Promise<Disposable> {
  const file = await Deno.open(join(runDir(), `${name}.lock`), { create: true, write: true });
  // The system takes the lock from a process that ends.
  await file.lock(true);
  return { [Symbol.dispose]: () => file.close() };
}

/** The directory of this name, which `fill` has filled once in this run. */
export async function filledOnce(
  name: string,
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(runDir(), name);
  const filled = `${directory}.filled`;
  const failed = `${directory}.failed`;
  const filler = `${directory}.filler`;
  if (await isFirst(directory)) {
    await Deno.writeTextFile(filler, `${pid}`);
    try {
      await fill(directory);
    } catch (error) {
      await Deno.writeTextFile(failed, String(error));
      throw error;
    }
    await Deno.writeTextFile(filled, "");
    return directory;
  }
  return await eventually(
    async () => {
      const reason = await Deno.readTextFile(failed).catch(() => undefined);
      if (reason !== undefined) throw new Error(`Cannot use ${directory}: ${reason}`);
      const by = await Deno.readTextFile(filler).catch(() => "");
      const isFilling = by === "" || isRunning(Number(by));
      if (await Deno.stat(filled).then(() => true, () => false)) return directory;
      if (!isFilling) throw new Error(`Cannot use ${directory}: the process that filled it ended`);
    },
    `${filled}`,
    PATIENCE_MS,
  );
}

/** Whether a process of this user runs; without procfs, too. */
export function isRunning(id: number): boolean {
  try {
    return kill(id, 0);
  } catch {
    return false;
  }
}

async function isFirst(directory: string): Promise<boolean> {
  try {
    await Deno.mkdir(directory);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}
