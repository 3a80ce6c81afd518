/**
 * Nothing of the engine loads after user code has begun: accessors on prototypes would see what it assigns while it
 * loads.
 */
import assert from "node:assert/strict";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { engineNames } from "./engine_names.ts";
import { output, sandboxSuite } from "./harness.ts";
import { ACCESSORS, CALLS, DETOURS, JUDGE, PRELUDE, PROXIES, USES } from "./traps.ts";

const MODULES = builtinModules.map((name) => name.replace(/^node:/, ""));

function scriptWith(traps: string): string {
  return `${PRELUDE}
  async function main({ names, modules }) {
    ${traps}
    ${USES}
    ${JUDGE}
    ${DETOURS}
    set();
    let used;
    try { used = await use(); } finally { unset(); }
    const dangerous = [...new Set([...caught].flatMap(judge))].sort();
    const left = typeof globalThis["nodeBoot" + "strap"];
    return { caught: caught.size, dangerous, got: await around(used), left };
  }`;
}

const KINDS = [
  { kind: "accessors for assigned names", traps: ACCESSORS, names: "assigned" },
  { kind: "accessors for all names", traps: ACCESSORS, names: "used" },
  { kind: "proxies", traps: PROXIES, names: "assigned" },
] as const;

const step = sandboxSuite("late loading");

for (const { kind, traps, names } of KINDS) {
  step(`${kind} on prototypes catch nothing of the engine`, async (sandboxes) => {
    const { caught, dangerous, got, left } = await output(sandboxes, scriptWith(traps), {
      input: { names: await engineNames(names), modules: MODULES },
    });
    assert.ok(typeof caught === "number" && caught > 100, `the traps caught ${caught} values`);
    assert.deepEqual({ dangerous, got, left }, { dangerous: [], got: [], left: "undefined" });
  });
}

Deno.test("the engine loads nothing after user code has begun", async () => {
  const script = `(async () => {
    const modules = ${JSON.stringify(MODULES)};
    ${PRELUDE}
    ${USES}
    ${CALLS}
    await callAll((await use()).loaded);
    Deno.exit(7);
  })()`;
  const { stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-config",
      "--no-prompt",
      "--deny-read",
      "--deny-write",
      "--deny-net",
      "--deny-env",
      "--deny-sys",
      "--deny-run",
      "--deny-ffi",
      fileURLToPath(new URL("preload_main.ts", import.meta.url)),
      script,
    ],
    env: { DENO_LOG_LAZY_LOAD: "1" },
    stdin: "null",
  }).output();
  const [before = "", after = ""] = new TextDecoder().decode(stderr).split("user code begins\n");
  assert.equal(code, 7, before);
  const loads = (text: string) => text.split("\n").filter((line) => line.startsWith("[lazy]"));
  assert.ok(loads(before).length > 100, "the log of loads is empty");
  assert.deepEqual(loads(after), []);
});
