/** Answers that a function forges, delays or repeats. */
import assert from "node:assert/strict";
import { failure, run } from "./harness.ts";
import { step } from "./shared_pool.ts";

step("a function cannot forge, delay or repeat the answer", async (sandboxes) => {
  const poison = {
    "a frame in the log": `console.log("ready"); console.log("\\xff".repeat(40) + '{"forged":1}');`,
    "a frame written raw":
      `const b = new Uint8Array(64).fill(255); b.set([0x20, 0, 0, 0, 2, 123, 125], 24); Deno.stdout.writeSync(b);`,
    "JSON": `JSON.stringify = () => '{"forged":1}'; JSON.parse = () => ({ forged: 1 });`,
    "toJSON": `Object.prototype.toJSON = undefined; String.prototype.toJSON = () => "forged";`,
    "encoders":
      `TextEncoder.prototype.encode = () => new Uint8Array([123, 125]); TextEncoder.prototype.encodeInto = () => ({});`,
    "typed arrays":
      `Uint8Array.prototype.set = () => {}; Uint8Array.prototype.subarray = () => new Uint8Array(1); Object.defineProperty(Object.getPrototypeOf(Uint8Array), Symbol.species, { get() { throw 1; } });`,
    "functions":
      `Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw 1; }; Reflect.apply = () => { throw 1; };`,
    "iterators":
      `Array.prototype[Symbol.iterator] = function* () { yield "forged"; }; String.prototype[Symbol.iterator] = function* () {};`,
    "strings":
      `String.prototype.slice = () => "{}"; String.prototype.charCodeAt = () => 0; String.prototype.indexOf = () => 0;`,
    "properties":
      `Object.defineProperty = Reflect.defineProperty = () => { throw 1; }; Object.prototype.get = () => { throw 1; }; Object.prototype.value = 5;`,
    "stdout":
      `Deno.stdout.writeSync = (b) => b.length; Object.getPrototypeOf(Deno.stdout).writeSync = (b) => b.length;`,
    "console": `console = null; globalThis.console = { log() {} };`,
    "stdin":
      `const b = new Uint8Array(9); if (Deno.stdin.readSync(b) !== null) throw new Error("stdin held something");`,
    "exit":
      `Deno.exit = () => {}; addEventListener("unload", () => { throw 1; }); process.on("exit", () => { throw 1; });`,
    "events":
      `EventTarget.prototype.dispatchEvent = () => false; Event.prototype.preventDefault = () => {};`,
    "array setters":
      `Object.defineProperty(Array.prototype, "0", { set() { throw 1; }, get() { return "forged"; } });`,
    "errors": `Error.prepareStackTrace = () => "forged"; Error.stackTraceLimit = Infinity;`,
  };
  for (const [name, code] of Object.entries(poison)) {
    for (const at of ["module", "call"]) {
      const [early, late] = at === "module" ? [code, ""] : ["", code];
      const { outcome } = await run(
        sandboxes,
        `${early}\nasync function main() { ${late}\nreturn { real: [1, "é"] }; }`,
      );
      assert.deepEqual(
        outcome,
        { kind: "success", outputJson: '{"real":[1,"é"]}' },
        `${name} (${at})`,
      );
    }
  }
});

step(
  "a closed stdout, a hostile then and a hostile toJSON harm their own invocation only",
  async (sandboxes) => {
    assert.match(
      await failure(sandboxes, `function main() { Deno.stdout.close(); return { a: 1 }; }`),
      /^(EXITED|UNCAUGHT): /,
    );
    assert.match(
      await failure(sandboxes, `const main = () => ({ then(ok) { ok(5); } });`),
      /^BAD_OUTPUT: .*a number/,
    );
    assert.match(
      await failure(sandboxes, `const main = () => ({ get then() { throw new Error("then"); } });`),
      /^UNCAUGHT: Error: then/,
    );
    // A function whose promises never settle harms itself only, and forges nothing.
    const poisoned = await run(
      sandboxes,
      `Promise.prototype.then = function () { return this; }; Promise.resolve = () => new Promise(() => {});
      Object.defineProperty(Promise.prototype, "constructor", { get() { throw 1; } });
      Object.defineProperty(Promise, Symbol.species, { get() { throw 1; } });
      const main = async () => ({ a: 1 });`,
    );
    assert.equal(poisoned.outcome.kind === "error" && poisoned.outcome.code, "EXITED");
    const spins = [
      `const main = () => ({ toJSON() { for (;;); } });`,
      `const main = () => ({ get a() { for (;;); } });`,
      `const main = () => { throw { get message() { for (;;); } }; };`,
      `const main = () => ({ then() { for (;;); } });`,
      `process.on("exit", () => { for (;;); }); const main = () => { process.exit(1); };`,
      `addEventListener("unload", () => { for (;;); }); const main = () => { Deno.exit(1); };`,
      `const main = () => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); };`,
      `const main = () => ({ a: /^(a+)+$/.test("a".repeat(60) + "b") });`,
      `const main = () => { Deno.stdin.readSync(new Uint8Array(1)); for (;;); };`,
    ];
    for (const body of spins) {
      assert.match(await failure(sandboxes, body, { timeoutMs: 200 }), /^TIMEOUT: /, body);
    }
    const exits = [
      `addEventListener("unload", () => { for (;;); }); const main = () => ({ a: 1 });`,
      `addEventListener("unload", () => { throw 1; }); const main = () => ({ a: 1 });`,
      `Object.defineProperty(globalThis, Symbol.asyncDispose, { get() { throw 1; } }); const main = () => ({ a: 1, [Symbol.dispose]() { throw 1; } });`,
      `const main = () => ({ toJSON() { return { a: 1 }; } });`,
      `const main = () => new Proxy({ a: 1 }, {});`,
    ];
    for (const body of exits) {
      assert.deepEqual((await run(sandboxes, body)).outcome, {
        kind: "success",
        outputJson: '{"a":1}',
      }, body);
    }
  },
);
