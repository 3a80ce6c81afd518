/**
 * Loads everything of the engine that a function can reach, before the first byte of user code. Code that loads later
 * runs among prototypes of the function, whose accessors see what the engine reads and assigns while it loads.
 */
import type { Engine } from "./fork/memory.ts";
import { loadNode, type NodeParts } from "./node.ts";
import { apply, getOwnPropertyDescriptor, ownKeys } from "./primordials.ts";

/** Calls every getter: those of lazily made globals load what they make. */
function readAll(holder: object): void {
  for (const key of ownKeys(holder)) {
    const getter = getOwnPropertyDescriptor(holder, key)?.get;
    try {
      if (getter !== undefined) apply(getter, holder, []);
    } catch {
      // Some exist in other subcommands of Deno only.
    }
  }
}

/**
 * Uses of what Deno compiles or fills on first use. None of them draws random numbers or makes an HTTP client or a
 * thread: forked processes would share their state, and the client keeps the proxy that is set when it is made.
 */
const USES: readonly (() => unknown)[] = [
  () => clearTimeout(setTimeout(() => {})),
  () => clearInterval(setInterval(() => {})),
  () => clearImmediate(setImmediate(() => {})),
  () => queueMicrotask(() => {}),
  () => new Request("http://localhost/", { method: "POST", body: "{}" }).json(),
  () => new Response(JSON.stringify({}), { headers: new Headers([["a", "b"]]) }).json(),
  () => new Response(new Blob(["a"]).stream().pipeThrough(new CompressionStream("gzip"))).bytes(),
  () => new ReadableStream({ start: (c) => c.close() }).pipeThrough(new TextDecoderStream()),
  () => new FormData().append("a", "b"),
  () => new URLPattern({ pathname: "/:a" }).exec("http://localhost/b"),
  () => new URLSearchParams(new URL("http://localhost/?a=b").search).get("a"),
  () => structuredClone(new Map([["a", [new Date(0)]]])),
  () => new AbortController().abort(),
  () => new EventTarget().dispatchEvent(new CustomEvent("a")),
  () => Deno.inspect({ a: [new Map([[1, new Error("a")]])] }),
  () => Buffer.from("YQ==", "base64").toString("hex"),
  () => atob(btoa("a")),
  () => new Date(0).toLocaleString(),
  () => (1.5).toLocaleString(),
  () => "a".localeCompare("b"),
  () => new Intl.PluralRules().select(1),
];

/** Resolves once all work has run that was scheduled before. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(() => setTimeout(resolve)));
}

/**
 * Loads and hardens all. Resolves once all work that this began has ended.
 * @param prepare called before anything imports the built-ins of Node
 * @returns what reaches the garbage collector
 */
export async function preload(prepare: (parts: NodeParts) => void): Promise<Engine> {
  const engine = await loadNode(prepare);
  readAll(globalThis);
  readAll(Deno);
  for (const use of USES) await use();
  await settled();
  return engine;
}
