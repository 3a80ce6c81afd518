/** Calls of a function's own `fetch`, which hides the global one. */
import assert from "node:assert/strict";
import { build, openBuilder } from "./support.ts";

type Files = Readonly<Record<string, string>>;

const LIB = `export const load = () => fetch("https://a.test/"); `;

/** Files, and the positions where they call their own `fetch`. */
const CASES: Readonly<Record<string, readonly [files: Files, calls: readonly string[]]>> = {
  "a constant": [
    {
      "main.ts": `import { load } from "./lib.ts";
export const fetch = async (request: Request): Promise<Response> => {
  const found = await fetch("https://a.test/");
  await (fetch as typeof globalThis.fetch)(request);
  await Promise.all(["a"].map((path) => fetch?.(path)));
  return fetch.call(undefined, await load() as never) ?? found;
};`,
      "lib.ts": LIB,
    },
    ["main.ts:3:23", "main.ts:4:10", "main.ts:5:41", "main.ts:6:10"],
  ],
  "a function": [
    {
      "main.ts":
        `export async function fetch(request: Request) { return await fetch(request.url); }`,
    },
    ["main.ts:1:62"],
  ],
  "a function in the default export": [
    {
      "main.ts": `async function fetch(request: Request) {
  return await fetch(request.url);
}
export default { name: "app", fetch } satisfies object;`,
    },
    ["main.ts:2:16"],
  ],
  "another module": [
    {
      "main.ts": `export { fetch } from "./app.ts";`,
      "app.ts": `export const fetch = async () => await fetch("https://a.test/");`,
    },
    ["app.ts:1:40"],
  ],
  "a star": [
    {
      "main.ts": `export * from "./app.ts"; export default () => ({});`,
      "app.ts": `export const { fetch } = { fetch: () => load() };
        const load = () => fetch("https://a.test/");`,
    },
    ["app.ts:2:28"],
  ],
  "a method": [
    {
      "main.ts":
        `export default { async fetch(request: Request) { return await fetch(request.url); } };`,
    },
    [],
  ],
  "a class": [
    {
      "main.ts": `class App {
        async fetch(request: Request): Promise<Response> {
          return request.method === "HEAD" ? this.fetch(new Request(request.url)) : fetch("https://a.test/");
        }
      }
      export default new App();`,
    },
    [],
  ],
  "inner scopes, the global object, texts and other members": [
    {
      "main.ts": `const client = { fetch: (url: string) => url };
export const fetch = (request: Request, env: { fetch(url: string): Response }) => {
  // fetch("a comment");
  const inner = (fetch: (url: string) => string) => fetch("a");
  const bound = () => { const fetch = env.fetch; return fetch("a"); };
  class Own { fetch(url: string) { return url; } #fetch = (url: string) => url; own() { return this.#fetch("a"); } }
  console.log("fetch(1)", \`\n// main.ts\n fetch(2)\`, /fetch(3)/, { fetch: (url: string) => url }, fetch.name);
  return [inner(String), client.fetch(request.url), globalThis.fetch("a"), new Own().own(), bound()];
};
export const again = () => fetch(new Request("https://a.test/"), { fetch: () => new Response() });`,
    },
    ["main.ts:12:28"],
  ],
  "a handler of another name": [
    {
      "main.ts": `const handler = async (request: Request) => await fetch(request.url);
const fetch2 = (request: Request): Response => request.url === "" ? fetch2(request) : new Response();
export { handler as fetch }; export default { fetch: fetch2 };`,
    },
    [],
  ],
  "an import of another name": [
    {
      "main.ts": `import { call } from "./lib.ts";
export const fetch = (request: Request) => new Response(request.url);
export default () => ({ own: call() });`,
      "lib.ts": `import { fetch as handler } from "./main.ts";
export const call = () => handler(new Request("https://a.test/"));`,
    },
    [],
  ],
  "a wrapper of the global fetch that is no handler": [
    {
      "main.ts": `const fetch: typeof globalThis.fetch = (input) => globalThis.fetch(input);
export default async () => ({ text: await (await fetch("https://a.test/")).text() });`,
    },
    [],
  ],
  "a bundle that is too long to be parsed as a whole": [
    {
      "main.ts": `import { text } from "./text.ts";
async function fetch(): Promise<Response> { return await fetch() ?? new Response(text()); }
export default { fetch };`,
      "text.ts": `export const text = () => ${JSON.stringify("x".repeat(600_000))};`,
    },
    ["main.ts:2:58"],
  ],
  "nested code": [
    {
      "main.ts": `export const fetch = (): unknown => ${"[".repeat(100)}fetch()${"]".repeat(100)};`,
    },
    ["main.ts:1:137"],
  ],
  "code nested too deeply for the parser, whose calls are not found": [
    {
      "main.ts": `export const fetch = (): unknown => ${"[".repeat(900)}fetch()${"]".repeat(900)};`,
    },
    [],
  ],
};

Deno.test("calls of the function's own fetch are warnings, and no others", async (t) => {
  await using opened = await openBuilder();
  for (const [name, [files, calls]] of Object.entries(CASES)) {
    await t.step(name, async () => {
      const { warnings } = await build(opened.builder, files);
      assert.deepEqual(
        warnings.map(({ path, line, column }) => `${path}:${line}:${column}`),
        calls,
      );
      for (const { message } of warnings) {
        assert.match(
          message,
          /hides the global fetch.* globalThis\.fetch.* export default \{ async fetch/,
        );
      }
    });
  }
  await t.step("20 of many", async () => {
    const main = `export const fetch = (): unknown => [${"fetch(), ".repeat(50)}];`;
    assert.equal((await build(opened.builder, { "main.ts": main })).warnings.length, 20);
  });
});
