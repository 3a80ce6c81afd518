/** Makes the processes of a server fail to start, and kills those that run. */
import { join } from "node:path";
import { findProgram } from "../../src/isolation/machine.ts";
import { childrenOf, signalUnlessEnded } from "./processes.ts";

const PATH = Deno.env.get("PATH") ?? "";
/** Only the zygote of instances may call foreign functions. */
const ZYGOTE_ARGUMENT = "--allow-ffi";

/** Which processes fail to start: none, zygotes of instances, or all. */
type Broken = "nothing" | "zygotes" | "all";

/** A `setsid` that starts nothing while the test says so: every process of a server begins with it. */
export class BreakableStarts implements AsyncDisposable {
  private constructor(private readonly directory: string) {}

  static async make(): Promise<BreakableStarts> {
    const directory = await Deno.makeTempDir({ prefix: "invoked-test-starts-" });
    const real = await findProgram("setsid", PATH);
    const script = `#!/bin/sh
read -r broken <"${directory}/broken"
case $broken in
  all) exit 127 ;;
  zygotes) for each; do [ "$each" = ${ZYGOTE_ARGUMENT} ] && exit 127; done ;;
esac
exec ${real} "$@"
`;
    await Deno.writeTextFile(join(directory, "setsid"), script, { mode: 0o755 });
    const starts = new BreakableStarts(directory);
    await starts.break("nothing");
    return starts;
  }

  /** The search path of a server that starts its processes so. */
  get path(): string {
    return `${this.directory}:${PATH}`;
  }

  async break(broken: Broken): Promise<void> {
    const written = join(this.directory, "written");
    await Deno.writeTextFile(written, `${broken}\n`);
    await Deno.rename(written, join(this.directory, "broken"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Kills the zygotes of instances of a server or worker, by their wrappers where they have some. */
export async function killZygotes(server: number): Promise<void> {
  for (const pid of childrenOf(server)) {
    const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
    if (command.split("\0").includes(ZYGOTE_ARGUMENT)) signalUnlessEnded(pid, "SIGKILL");
  }
}
