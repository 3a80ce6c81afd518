/**
 * Draws numbers of V8's generator after bodies were made of forms, in the hardened runtime. V8 has a fixed seed: the
 * numbers show whether anything took some in between.
 */
import { createRequire, isBuiltin } from "node:module";
import { harden } from "../../src/runtime/harden.ts";
import { preload } from "../../src/runtime/preload.ts";

// Before anything is replaced.
const { random } = Math;
const { serve } = Deno;
const originals = { Request, Response };
const [bodies] = Deno.args;

harden();
await preload(() => {});

function form(): FormData {
  const made = new FormData();
  made.append("text", "value");
  made.append("file", new Blob(["content"]), "name");
  return made;
}

class OwnForm extends FormData {
  override *[Symbol.iterator](): ReturnType<FormData["entries"]> {
    yield ["not", "encoded"];
  }
}
class OwnInit {
  readonly #form = form();
  readonly method = "POST";
  get body(): FormData {
    return this.#form;
  }
}
class OwnResponse extends Response {}
class OwnRequest extends Request {}

type Init = RequestInit & { readonly method: "POST" };
/** An `init` with each kind of property that can have a form. */
const INITS: readonly (() => Init)[] = [
  () => ({ method: "POST", body: form() }),
  () => Object.freeze({ method: "POST", body: form() }),
  () => new OwnInit(),
  () => Object.assign(Object.create({ body: form() }), { method: "POST" }),
  () => Object.assign(() => {}, { method: "POST" as const, body: form() }),
  () => new Proxy({ method: "POST", body: form() }, {}),
];

type Made = { text(): Promise<string> };
const ofClass = (value: object) =>
  (Object.getPrototypeOf(value) as { readonly constructor: typeof Response }).constructor;

/** Every way in which a function can make a body of a form, without a request. */
const WAYS: readonly (() => Made | Promise<Made>)[] = [
  () => new Response(form()),
  () => new OwnResponse(form()),
  () => Reflect.construct(Response, [form()]),
  () => Reflect.construct(Response, [form()], OwnResponse),
  () => new (ofClass(Response.json({})))(form()),
  () => new (ofClass(Response.error()))(form()),
  () => new Response(new OwnForm()),
  () => new Response(new Proxy(form(), {})),
  () => new Response(form()).clone(),
  async () => new Response(await new Response(form()).formData()),
  ...INITS.flatMap((init) => [
    () => new Request("http://localhost/", init()),
    () => new OwnRequest("http://localhost/", init()),
    () => new Request(new Request("http://localhost/", init()), init()),
    () => Reflect.construct(Request, ["http://localhost/", init()], OwnRequest),
  ]),
];

/** The ways of requests. */
const requests = (url: string): readonly (() => Promise<Made>)[] =>
  INITS.flatMap((init) => [
    () => fetch(url, init()),
    () => fetch(new Request(url, init())),
    () => fetch(new Request(url), init()),
  ]);

/** Whether user code can reach one of these classes from a global, or from a built-in that it can load. */
function reaches(sought: readonly unknown[]): boolean {
  const require = createRequire("file:///main.js");
  const { builtinModules } = require("node:module") as { builtinModules: readonly string[] };
  const open: unknown[] = [globalThis, fetch, new Response(), new Request("http://localhost/")];
  for (const name of builtinModules.filter(isBuiltin)) {
    try {
      open.push(require(name));
    } catch {
      // A function cannot load it either.
    }
  }
  const seen = new Set<unknown>();
  while (open.length > 0) {
    const value = open.pop();
    if (sought.includes(value)) return true;
    if ((typeof value !== "object" && typeof value !== "function") || value === null) continue;
    if (seen.has(value)) continue;
    seen.add(value);
    open.push(Object.getPrototypeOf(value));
    for (const key of Reflect.ownKeys(value)) {
      const { value: held, get, set } = Object.getOwnPropertyDescriptor(value, key) ?? {};
      open.push(held, get, set);
    }
  }
  return false;
}

const texts: string[] = [];
if (bodies === "wrapped") {
  await using server = serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    return new originals.Response(await request.bytes(), { headers: request.headers });
  });
  const { addr: { port } } = server;
  for (const way of [...WAYS, ...requests(`http://127.0.0.1:${port}/`)]) {
    texts.push((await (await way()).text()).replaceAll(/----[0-9a-f]{32}/g, "boundary"));
  }
}
if (bodies === "original") {
  for (const _ of WAYS) {
    texts.push(new originals.Response(form()).headers.get("content-type") ?? "");
  }
}
const drawn = Array.from({ length: 200 }, () => random());
const isReachable = reaches(Object.values(originals));
// Otherwise the search finds nothing.
const isSearched = reaches([Response, Request]) && reaches([originals.Response.prototype]);
Deno.stdout.writeSync(
  new TextEncoder().encode(JSON.stringify({ drawn, texts, isReachable, isSearched })),
);
