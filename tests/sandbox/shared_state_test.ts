/** What invocations share through their templates, as docs/process-reuse.md says. */
import assert from "node:assert/strict";
import { fromTemplate, run, sandboxTest, scriptOf } from "./harness.ts";

/** Reports what it finds, and then leaves what a later invocation would find. */
const body = (loading: string) =>
  `${loading}
  const { createRequire } = await import("node:module");
  const nodeProcess = createRequire("file:///main.js")("node:process");
  const cache = new Map([["module code", "kept"]]);
  Array.prototype.ofModule = "kept";
  const main = async ({ name }) => {
    const key = meta.invoked.secrets.key;
    const found = {
      cache: [...cache], ofModule: [].ofModule, ofCall: [].ofCall ?? null, left: globalThis.left ?? null,
      env: nodeProcess.env.LEFT ?? null, title: nodeProcess.title, json: JSON.stringify("text"),
    };
    cache.set(name, key);
    Array.prototype.ofCall = globalThis.left = nodeProcess.env.LEFT = nodeProcess.title = name;
    JSON.stringify = () => name;
    setInterval(() => cache.set("timer", name), 1);
    await new Promise((done) => setTimeout(done, 5));
    return { found, name, key };
  };`;
const INVOCATIONS = 8;

sandboxTest(
  "invocations share what module code left, and nothing that another one did",
  async (sandboxes) => {
    // The clock keeps a script from having a template.
    const bodies = { template: body(""), root: body("const at = Date.now();") };
    sandboxes.provision([{ key: bodies.template, script: scriptOf(bodies.template), count: 2 }]);
    await fromTemplate(sandboxes, bodies.template, { input: { name: "first" }, secrets: {} });
    for (const [process, code] of Object.entries(bodies)) {
      const [clean] = await runAll(code, process, 1);
      const all = await runAll(code, process, INVOCATIONS);
      for (const { found } of all) assert.deepEqual(found, clean?.found);
      assert.deepEqual(clean?.found, {
        cache: [["module code", "kept"]],
        ofModule: "kept",
        ofCall: null,
        left: null,
        env: null,
        title: clean?.found.title,
        json: '"text"',
      });
    }

    interface Answer {
      readonly found: Readonly<Record<string, unknown>>;
      readonly name: string;
      readonly key: string;
    }
    async function runAll(code: string, process: string, count: number): Promise<Answer[]> {
      const names = Array.from({ length: count }, (_, n) => `call ${n}`);
      return await Promise.all(names.map(async (name) => {
        // The functions have the same code, and nothing else in common.
        const secrets = { key: `secret of ${name}` };
        const options = { input: { name }, secrets, functionKey: name };
        const ran = await run(sandboxes, code, options);
        assert.equal(ran.process, process);
        const { outcome } = ran;
        assert.equal(outcome.kind, "success", JSON.stringify(outcome));
        const answer: Answer = JSON.parse(outcome.kind === "success" ? outcome.outputJson : "");
        assert.deepEqual([answer.name, answer.key], [name, secrets.key]);
        return answer;
      }));
    }
  },
  { poolSize: 2, cpuTimeMs: 60_000 },
);
