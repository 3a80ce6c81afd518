// Prints which state leaks between node:vm contexts of one process, and what a context costs.
// Run: deno run -A bench/context_leaks.mjs
import vm from "node:vm";

const names = Reflect.ownKeys(globalThis).filter((key) => typeof key === "string");
const own = new Set(vm.runInNewContext("Reflect.ownKeys(globalThis)"));
const borrowed = names.filter((name) => !own.has(name) && name !== "self" && name !== "window");

/** A context with the Web APIs of this one. */
function realm() {
  const globals = {};
  for (const name of borrowed) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globals, name, { ...descriptor, configurable: true });
  }
  return vm.createContext(globals);
}

const leaks = {
  "a global": ["globalThis.x = 1", "globalThis.x"],
  "Object.prototype": ["Object.prototype.x = 1", "({}).x"],
  "Request.prototype": ["Request.prototype.x = 1", "Request.prototype.x"],
  "a static of URL": ["URL.x = 1", "URL.x"],
  "errors of Web APIs": [
    "try { new URL('') } catch (e) { Object.getPrototypeOf(e).x = 1 }",
    "try { new URL('') } catch (e) { e.x }",
  ],
  "Buffer.prototype": ["Buffer.prototype.x = 1", "Buffer.from('').x"],
  "listeners of process": ["process.on('x', () => {})", "process.listenerCount('x')"],
  "the realm around": [
    "URL.constructor('globalThis.y = 1')()",
    "URL.constructor('return globalThis.y')()",
  ],
};
for (const [name, [first, second]] of Object.entries(leaks)) {
  vm.runInContext(first, realm());
  console.log(name, vm.runInContext(second, realm()) === undefined ? "is fresh" : "LEAKS");
}

const code = (bytes) =>
  `(() => { ${"function f(a) { return a + 'text'; }\n".repeat(bytes / 36)} return f('')})()`;
for (const bytes of [1_000, 350_000]) {
  const script = new vm.Script(code(bytes));
  const times = Array.from({ length: 300 }, () => {
    const start = performance.now();
    script.runInContext(realm());
    return performance.now() - start;
  }).sort((a, b) => a - b);
  console.log(`${bytes} bytes: p50 ${times[150].toFixed(2)} ms, p99 ${times[296].toFixed(2)} ms`);
}
