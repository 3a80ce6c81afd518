/** `npm run dev`: the server starts again when a source changes, and ends with the command. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { COMMAND_ENV, makeTempDir } from "../support/invoked.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Its content stays as it is: a later time is a change for those who watch it. */
const SOURCE = new URL("../../src/main.ts", import.meta.url);

/** A bound for a command that is broken; its output ends then. The first start of a checkout builds the console. */
const BROKEN_MS = 300_000;

/** Lines of a stream, one after another. */
function linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let all = "";
  return {
    /** Reads up to the next line that matches; answers it. */
    async until(pattern: RegExp): Promise<string> {
      while (true) {
        const end = rest.indexOf("\n");
        if (end !== -1) {
          const line = rest.slice(0, end);
          rest = rest.slice(end + 1);
          if (pattern.test(line)) return line;
          continue;
        }
        const { value, done } = await reader.read();
        assert.ok(!done, `the output ended without ${pattern}:\n${all}`);
        rest += value;
        all += value;
      }
    },
    /** Reads the rest. */
    async drain(): Promise<void> {
      while (!(await reader.read()).done);
    },
  };
}

Deno.test("npm run dev starts the server again when a source changes", async () => {
  await using data = await makeTempDir();
  const dev = new Deno.Command("npm", {
    args: ["run", "--silent", "dev", "--", "--port", "0", "--data", data.path],
    cwd: ROOT,
    clearEnv: true,
    env: { ...COMMAND_ENV, HOME: data.path },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    await dev.status;
  });
  cleanup.defer(() => dev.kill("SIGTERM"));
  const timer = setTimeout(() => dev.kill("SIGTERM"), BROKEN_MS);
  cleanup.defer(() => clearTimeout(timer));
  const [output, errors] = [linesOf(dev.stdout), linesOf(dev.stderr)];
  const urlOf = async () => /http\S+/.exec(await output.until(/ready at /))?.[0] ?? "";

  const first = await urlOf();
  assert.equal((await (await fetch(`${first}/readyz`)).json()).status, "ready");
  await Deno.utime(SOURCE, new Date(), new Date());
  assert.equal(
    await errors.until(/^dev: /),
    "dev: src/main.ts changed; the server starts again",
  );
  const second = await urlOf();
  assert.notEqual(second, first);
  assert.equal((await (await fetch(`${second}/readyz`)).json()).status, "ready");

  const drained = Promise.all([output.drain(), errors.drain()]);
  await cleanup.disposeAsync();
  await drained;
  await assert.rejects(fetch(`${second}/readyz`), TypeError);
});
