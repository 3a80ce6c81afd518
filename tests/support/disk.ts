/** Disks and listeners of a server that fail, or become slow, on demand. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filledOnce } from "./once.ts";

const SHIM_SOURCE = fileURLToPath(new URL("./fault_shim.c", import.meta.url));
const RULES_BYTES = 4096;
/** What one write to fill a disk contains. */
const BALLAST_BYTES = 64 * 1024;

/** Numbers of errors on Linux. */
const ERRNO = { EIO: 5, EMFILE: 24, ENOSPC: 28, EDQUOT: 122 } as const;

/** An operation that fails, and its error. */
export interface Failure {
  readonly operation: "write" | "sync" | "accept";
  readonly error: keyof typeof ERRNO;
}

/** An operation that takes this much longer, in milliseconds. */
interface Delay {
  readonly operation: "slow-sync";
  readonly delayMs: number;
}

/**
 * What happens to an operation on every file whose path contains `path`, or ends with it before a `$`. The path of a
 * TCP socket is `tcp:` and its port.
 */
export type FaultRule = (Failure | Delay) & { readonly path: string };

/** Makes writes, syncs and accepts of a server fail, or syncs slow. Disposing it removes its file of rules. */
export class FaultShim implements AsyncDisposable {
  private constructor(private readonly rulesFile: string, private readonly shim: string) {}

  static async open(): Promise<FaultShim> {
    const rules = await Deno.makeTempFile({ prefix: "invoked-test-rules-" });
    await Deno.writeFile(rules, new Uint8Array(RULES_BYTES));
    return new FaultShim(rules, await builtShim());
  }

  /** The environment of a server with this shim. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: this.shim, FAULT_RULES: this.rulesFile };
  }

  /** Replaces the rules; none ends all faults. The file keeps its length, because the server has it mapped. */
  async set(...rules: readonly FaultRule[]): Promise<void> {
    const lines = rules.map((rule) => {
      const number = rule.operation === "slow-sync" ? rule.delayMs : ERRNO[rule.error];
      return `${rule.operation} ${number} ${rule.path}\n`;
    });
    const bytes = new Uint8Array(RULES_BYTES);
    const { written } = new TextEncoder().encodeInto(lines.join(""), bytes);
    assert.ok(written < RULES_BYTES, "too many rules");
    using file = await Deno.open(this.rulesFile, { write: true });
    assert.equal(await file.write(bytes), RULES_BYTES);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.rulesFile);
  }
}

/** Compiles the shim once in a run. */
async function builtShim(): Promise<string> {
  const directory = await filledOnce("fault-shim", async (directory) => {
    await run("cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", `${directory}/shim.so`, SHIM_SOURCE);
  });
  return join(directory, "shim.so");
}

/**
 * The environment of a command that SIGKILL ends before its Nth step on a path that contains `path`. Steps are syncs,
 * renames, links, new directories, and removals.
 */
export async function killedAt(step: number, path: string): Promise<Record<string, string>> {
  return { LD_PRELOAD: await builtShim(), KILL_AT: `${step}`, KILL_PATH: path };
}

/** A small file system in memory. Disposing it unmounts it. */
export class SmallDisk implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async mount(mebibytes: number): Promise<SmallDisk> {
    const path = await Deno.makeTempDir({ prefix: "invoked-test-disk-" });
    await run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "invoked-test", path);
    return new SmallDisk(path);
  }

  /** Fills it to the last byte. */
  async fill(): Promise<void> {
    using file = await Deno.open(this.#ballast, { create: true, append: true });
    for (let size = BALLAST_BYTES; size >= 1;) {
      try {
        await file.write(new Uint8Array(size));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "ENOSPC");
        size = size === 1 ? 0 : Math.ceil(size / 16);
      }
    }
  }

  /** Removes what fills it. */
  async free(): Promise<void> {
    await Deno.remove(this.#ballast);
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily: a process that is just ending may still have a file open.
    await run("umount", "--lazy", this.path);
    await Deno.remove(this.path);
  }
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
}
