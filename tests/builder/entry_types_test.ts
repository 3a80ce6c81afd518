/** The types of default exports, all in one run of the compiler. `tests/testing/types_test.ts` checks commits. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { entryCheckText, entryDiagnostic } from "../../src/builder/entry_check.ts";
import { SDK_IMPORTS, writeSdk } from "../../src/builder/sdk.ts";
import { makeTempDir } from "../support/invoked.ts";

// Each begins in line 2.
const CASES: readonly (readonly [main: string, message?: string])[] = [
  [
    "export const main = () => ({});",
    "The module exports neither a default function nor fetch",
  ],
  ["export default { a: 1 };", "The default export is not a function, and has no fetch"],
  [
    "export default (): Map<string, number> | Response => new Map();",
    "The default export returns a Map or a Response, not a JSON object",
  ],
  [
    "export default (name = '', _: number[] = []) => ({ name });",
    "The default export takes a string, not a JSON object",
  ],
  [
    "export default (rows: string[] | bigint) => ({ rows: String(rows) });",
    "The default export takes a bigint or an array, not a JSON object",
  ],
  [`export default (_: unknown) => ({});
    export const others = [(..._: unknown[]) => ({}), (_?: { a: 1 } | string) => ({})];`],
  [`interface Sum { sum: number }
    export default async ({ of }: { of: number[] }): Promise<Sum> => ({ sum: of.length });`],
  [`class Point { #x = 1; toJSON() { return { x: this.#x }; } }
    export default (input: { a?: number }) => { if (input.a) return new Point(); };`],
  [`import type { Handler, JSONObject } from "@c1/functions-sdk";
    interface Input { userId: string; tags?: string[] }
    interface Output { name: string; tags: string[]; at: { day: number } }
    async function main(input: JSONObject): Promise<JSONObject> {
      const { userId, tags = [] } = input as Input;
      const output: Output = { name: await Promise.resolve(userId), tags, at: { day: 1 } };
      return output;
    }
    const copy: Record<string, unknown> = { ...(await main({ userId: "a" })) };
    console.log(copy);
    export default main satisfies Handler;`],
  [`import type { ExportedHandler } from "@c1/functions-sdk";
    export default {
      fetch(request, env, { waitUntil, passThroughOnException, deadline }) {
        waitUntil(Promise.resolve(request.method));
        passThroughOnException();
        return new Response(env.STAGE + deadline);
      },
    } satisfies ExportedHandler;`],
  [`import type { ExportedHandler, FetchHandler } from "@c1/functions-sdk";
    interface Env { TOKEN: string }
    class App implements ExportedHandler<Env> {
      #greeting = "hello ";
      fetch(_: Request, env: Env) { return new Response(this.#greeting + env.TOKEN); }
    }
    export const other: FetchHandler<Env> = async (request, env) =>
      new Response(await request.text() + env.TOKEN);
    export default new App();`],
  ["export const fetch = () => 'x';", "fetch returns something else than a Response"],
  ["export default { fetch: 1 };", "fetch is not a function"],
  ["export default { fetch: (request: Request) => new Response(request.body) };"],
  [`import type { FetchHandler } from "@c1/functions-sdk";
    export const fetch: FetchHandler = (_, env, { waitUntil, deadline }) => {
      waitUntil(Promise.resolve());
      return new Response(env.STAGE + deadline);
    };`],
];

/** The name of the module of a case, and of the one that asserts its type. */
const nameOf = (index: number) => `${index}.ts`;

Deno.test("a default export that can never work is an error, and none that may", async () => {
  await using directory = await makeTempDir();
  const inside = (...path: string[]) => join(directory.path, ...path);
  await writeSdk(inside("sdk"));
  await Deno.writeTextFile(inside("deno.json"), JSON.stringify({ imports: SDK_IMPORTS }));
  await Deno.mkdir(inside("src"));
  const texts = CASES.map(([main]) => `\n${main}`);
  for (const [index, text] of texts.entries()) {
    await Deno.writeTextFile(inside("src", nameOf(index)), text);
    const assertion = entryCheckText(`../src/${nameOf(index)}`);
    await Deno.writeTextFile(inside("sdk", `entry_${nameOf(index)}`), assertion);
  }
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", ...texts.map((_, index) => inside("sdk", `entry_${nameOf(index)}`))],
    cwd: directory.path,
    env: { NO_COLOR: "1" },
  }).output();
  const report = new TextDecoder().decode(stderr);
  const errors = [
    ...report.matchAll(
      /^(TS\d+) \[ERROR\](: .+)\n[^]*?\n +at file:.+\/entry_(\d+)\.ts:\d+:\d+$/gm,
    ),
  ];
  assert.equal(report.match(/ \[ERROR\]: /g)?.length, errors.length, report);
  const found = new Map(
    errors.map(([, code, message, index]) => [Number(index), `${code}${message}`]),
  );
  for (const [index, [main, message]] of CASES.entries()) {
    const error = found.get(index);
    const diagnostic = error && entryDiagnostic(error, "main.ts", texts[index] ?? "");
    const position = /default|fetch/.test(main) ? { line: 2, column: 1 } : {};
    const expected = message && { path: "main.ts", ...position, message };
    assert.deepEqual(diagnostic, expected, main);
  }
});

Deno.test("the default export is found without a comparison with the whole text from each word", () => {
  // With such a comparison, this does not end.
  const words = `/* ${"default x export y ".repeat(150_000)} */`;
  const found = entryDiagnostic("TS2322", "main.ts", `${words}\nexport default 5;\n`);
  assert.deepEqual(found, { path: "main.ts", line: 2, column: 1, message: "TS2322" });
  const listed = entryDiagnostic("TS2322", "main.ts", 'export { one,\ndefault } from "./a.ts";');
  assert.deepEqual([listed.line, listed.column], [2, 1]);
});
