/** What a zygote rehearses, no fork compiles: see `src/runtime/fork/rehearsal.ts`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LoadPurpose } from "../../src/runtime/wire.ts";
import { encodeInvocation, encodeLoad, makeNonce } from "../../src/sandbox/instance/frames.ts";
import { concatenate } from "../../src/shared/json_text.ts";
import { LIMITS, scriptOf } from "./harness.ts";

const MAIN = fileURLToPath(new URL("rehearsal_main.ts", import.meta.url));
/** Lines of V8's log: the script of a source file, and a function that was compiled. */
const SOURCE = /^script-details,(\d+),file:\/\/.*\/(src\/runtime\/[^,]+|tests\/sandbox\/[^,]+)/;
const COMPILED = /^function,interpreter,(\d+),\d+,\d+,[^,]*,[^,]*,(.*)$/;

/** Serves one invocation, and returns the functions of the runtime that are compiled for it, by their files. */
async function compiledForInvocation(isRehearsed: boolean): Promise<string[]> {
  const directory = await Deno.makeTempDir();
  try {
    const log = join(directory, "v8.log");
    const flags = ["--log-function-events", "--no-logfile-per-isolate", `--logfile=${log}`];
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-check", `--v8-flags=${flags}`, MAIN]
        .concat(isRehearsed ? ["rehearse"] : []),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = process.stdin.getWriter();
    await writer.write(invocationMessages());
    await writer.close();
    const { code, stdout, stderr } = await process.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.match(new TextDecoder().decode(stdout), /\{"greeting":"Hello, world"\}/);
    return afterRehearsal(await Deno.readTextFile(log));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function invocationMessages(): Uint8Array<ArrayBuffer> {
  const script = scriptOf(`
    const main = async ({ name }) => {
      console.log("greeting", name);
      return { greeting: "Hello, " + name };
    };`);
  const job = { inputJson: '{"name":"world"}', config: { secrets: {} } };
  return concatenate([
    encodeLoad(makeNonce(), LIMITS, { purpose: LoadPurpose.INVOCATION, script }),
    encodeInvocation(job, false, undefined),
  ]);
}

function afterRehearsal(log: string): string[] {
  const files = new Map<string, string>();
  const compiled: string[] = [];
  let hasEnded = false;
  for (const line of log.split("\n")) {
    const [, script, path] = SOURCE.exec(line) ?? [];
    if (script !== undefined && path !== undefined) files.set(script, path);
    const [, of, name] = COMPILED.exec(line) ?? [];
    if (of === undefined) continue;
    const file = files.get(of);
    if (hasEnded && file !== undefined) compiled.push(`${name} of ${file}`);
    if (name === "endRehearsal") hasEnded = true;
  }
  assert.ok(hasEnded, "the log does not show the end of the rehearsal");
  return compiled;
}

Deno.test("a fork compiles no function of the runtime for an invocation", async () => {
  assert.deepEqual(await compiledForInvocation(true), []);
  // Otherwise the log shows nothing.
  assert.notDeepEqual(await compiledForInvocation(false), []);
});
