/** A server in a memory cgroup, with the settings for it that docs/server.md names. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ok } from "../support/expect.ts";
import { HAS_CGROUPS } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";

const LIMIT_BYTES = 1024 ** 3;
const INVOCATIONS = 20;
const INPUT_CHARS = 5_000_000;
const FLAGS = ["--max-receiving", "16MiB", "--max-queued-bytes", "16MiB"];
const ENV = { DENO_V8_FLAGS: "--max-old-space-size=150" };

/** A memory cgroup below that of this process. Disposing it waits for nobody: its processes have ended. */
class MemoryCgroup implements AsyncDisposable {
  private constructor(private readonly directory: string) {}

  static async create(limitBytes: number): Promise<MemoryCgroup> {
    const own = (await Deno.readTextFile("/proc/self/cgroup")).split("\n");
    const path = own.map((line) => /^\d+:memory:(.*)$/.exec(line)?.[1]).find((found) => found);
    const [parent, file] = path === undefined
      ? [`/sys/fs/cgroup${/^0::(.*)$/m.exec(own.join("\n"))?.[1] ?? ""}`, "memory.max"]
      : [`/sys/fs/cgroup/memory${path}`, "memory.limit_in_bytes"];
    const directory = join(parent, `invoked-test-${crypto.randomUUID()}`);
    await Deno.mkdir(directory);
    await Deno.writeTextFile(join(directory, file), String(limitBytes));
    return new MemoryCgroup(directory);
  }

  /** A command that enters the cgroup and becomes the command that it gets. */
  get launcher(): readonly string[] {
    const enter = 'echo $$ >"$0/cgroup.procs" && exec "$@"';
    return ["/bin/sh", "-c", enter, this.directory];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Deno.Command("find", {
      args: [this.directory, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"],
      stderr: "null",
    }).output();
  }
}

if (HAS_CGROUPS) {
  Deno.test("a server in 1 GiB rejects large bodies instead of running out of memory", async () => {
    await using cgroup = await MemoryCgroup.create(LIMIT_BYTES);
    await using server = await TestServer.start({
      flags: FLAGS,
      env: ENV,
      launcher: cgroup.launcher,
    });
    const client = await server.client();
    const id = await client.deploy("export default ({ text }) => ({ chars: text.length });");
    const input = { text: "x".repeat(INPUT_CHARS) };
    // A rejection closes the connection: who still sends the body may find it closed before the answer.
    const answers = await Promise.all(
      Array.from({ length: INVOCATIONS }, () =>
        client.invoke(id, input).catch((error) => {
          if (!(error instanceof TypeError)) throw error;
        })),
    );
    const rejected = answers.filter((answer) => answer?.status !== 200);
    for (const answer of rejected) {
      if (answer === undefined) continue;
      assert.equal(answer.status, 429, JSON.stringify(answer.body));
      assert.match(answer.body.message, /--max-receiving|--max-queued-bytes/);
    }
    assert.ok(rejected.length < INVOCATIONS, "no invocation had an answer");
    assert.equal(ok(await client.invoke(id, { text: "after" })).invocationId.length > 0, true);
  });
}
