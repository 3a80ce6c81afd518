/** Attacks of an invocation on later invocations of its own function. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { call, deployReused, logsOf, moduleOf, warm } from "./support.ts";

/** Changes built-ins or the runtime. The next invocations must still be answered by their own handler. */
const TAMPERING: Readonly<Record<string, string>> = {
  JSON: `JSON.parse = () => ({ forged: 1 }); JSON.stringify = () => '{"forged":1}';`,
  promises: `Promise.prototype.then = function () { throw 1; };`,
  species: `Object.defineProperty(Promise, Symbol.species, { get() { throw 1; } });`,
  arrays:
    `for (const key of ["push", "map", Symbol.iterator]) Array.prototype[key] = () => { throw 1; };`,
  setters:
    `Object.defineProperty(Array.prototype, "0", { set() { throw 1; }, get: () => "forged" });`,
  "typed arrays": `const view = Object.getPrototypeOf(Uint8Array.prototype);
    for (const key of ["buffer", "byteLength", "byteOffset"]) {
      const { get } = Object.getOwnPropertyDescriptor(view, key);
      Object.defineProperty(view, key, { get() { seen.push(this); return Reflect.apply(get, this, []); } });
    }`,
  encoders:
    `TextDecoder.prototype.decode = () => "{}"; TextEncoder.prototype.encode = () => new Uint8Array(2);`,
  reflection:
    `Reflect.apply = Object.defineProperty = Reflect.defineProperty = () => { throw 1; };`,
  events:
    `Event.prototype.preventDefault = () => {}; EventTarget.prototype.addEventListener = () => {};`,
  objects:
    `Object.defineProperty(Object.prototype, "secrets", { get: () => ({ forged: 1 }), set() {} });`,
  console: `globalThis.console = { log() {} };`,
};

/** Nonces begin with a byte that does not occur in text. */
const NONCE_MARK = 0xff;

sharedSuite("process reuse: hostile", {
  "tampering breaks no invocation of another function, and forges none of its own": async (
    { client },
  ) => {
    const good = await deployReused(client, moduleOf("return input.n;"));
    for (const [name, code] of Object.entries(TAMPERING)) {
      const id = await deployReused(
        client,
        moduleOf(
          `if (input.tamper) { ${code} }
          const nonces = seen.filter((bytes) => bytes.length >= 24 && bytes[0] === ${NONCE_MARK});
          return { n: input.n, nonces: nonces.length };`,
          "const seen: any[] = [];",
        ),
      );
      await warm(client, id);
      await client.invoke(id, { tamper: true, n: 0 });
      for (let n = 1; n < 6; n++) {
        const { body } = await client.invoke(id, { n });
        if (body.json !== undefined) {
          const { said } = JSON.parse(atob(body.json));
          assert.deepEqual(said, { n, nonces: 0 }, name);
        }
        assert.equal((await call(client, good, { n })).said, n);
      }
    }
  },

  "nothing that an invocation prints after its answer is in the log of another": async (
    { client },
  ) => {
    const late = `console.log("late", input.n);
      Deno.stdout.writeSync(new TextEncoder().encode("raw late " + input.n));
      Deno.stderr.writeSync(new TextEncoder().encode("error late " + input.n));`;
    const id = await deployReused(
      client,
      moduleOf(
        `console.log("own", input.n);
        Deno.stdout.writeSync(new TextEncoder().encode("raw own " + input.n + "\\n"));
        Deno.stderr.writeSync(new TextEncoder().encode("error own " + input.n + "\\n"));
        setTimeout(() => { ${late} }, 0);
        return input.n;`,
      ),
    );
    let [n, reused] = [0, 0];
    // On a busy machine an invocation may leave its work running too long, and instances are not reused for a while.
    await eventually(async () => {
      const { invocationId, json } = ok(await client.invoke(id, { n }));
      if (JSON.parse(atob(json)).calls > 1) reused++;
      const lines = await logsOf(client, id, invocationId);
      const own = [`own ${n}`, `raw own ${n}`, `error own ${n}`].sort();
      assert.deepEqual(lines.sort(), own);
      return ++n >= 20 && reused > 0 || undefined;
    }, "invocations in a process that was used before");
  },

  "limits of the log count for each invocation": async ({ client }) => {
    const id = await deployReused(
      client,
      moduleOf(`for (let n = 0; n < 40; n++) console.log("x".repeat(16_000));`),
    );
    for (let n = 0; n < 4; n++) {
      const { invocationId } = ok(await client.invoke(id));
      const lines = await logsOf(client, id, invocationId);
      assert.deepEqual(lines, Array(40).fill("x".repeat(16_000)));
    }
  },

  "reading stdin early, or saying to be idle, takes no invocation from anybody": async (
    { client },
  ) => {
    const good = await deployReused(client, moduleOf("return input.n;"));
    const attempts = [
      `dispatchEvent(new Event("beforeunload", { cancelable: true }));`,
      `setTimeout(() => dispatchEvent(new Event("beforeunload", { cancelable: true })));`,
      `const fs = await import("node:fs"); setTimeout(() => fs.readSync(0, new Uint8Array(64)));`,
      `const fs = await import("node:fs"); fs.read(0, new Uint8Array(64), 0, 64, null, () => {});`,
      `const bytes = new Uint8Array(64); said = await Deno.stdin.read(bytes);`,
      `addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);`,
      `Deno.stdout.close();`,
      `Deno.unrefTimer(setInterval(() => { throw new Error("later"); }));`,
    ];
    for (const code of attempts) {
      const id = await deployReused(
        client,
        moduleOf(`let said: unknown; if (input.attack) { ${code} } return { n: input.n, said };`),
      );
      await warm(client, id);
      await client.invoke(id, { attack: true, n: 0 });
      for (let n = 1; n < 4; n++) {
        const { body } = await client.invoke(id, { n });
        if (body.json !== undefined) assert.equal(JSON.parse(atob(body.json)).said.n, n, code);
        assert.equal((await call(client, good, { n })).said, n);
      }
    }
  },
});
