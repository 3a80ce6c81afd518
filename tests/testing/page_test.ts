/** The example of docs/testing.md answers what the page says. */
import assert from "node:assert/strict";
import type { Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { runTests } from "./support.ts";

const PAGE = new URL("../../docs/testing.md", import.meta.url);

sharedSuite("tests: docs/testing.md", {
  "its example": async ({ client }) => {
    const page = await Deno.readTextFile(PAGE);
    const blocks = (language: string) =>
      [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm"))]
        .map(([, text = ""]) => text);
    const [main = "", tests = ""] = blocks("ts");
    const [answer = ""] = blocks("json");
    const reported: Json = JSON.parse(answer);
    const id = await client.deploy(main, { "main.test.ts": tests });
    const results = reported.results.map((found: Json) =>
      typeof found === "string" ? reported.result : found
    );
    assert.deepEqual(ok(await runTests(client, id)), { result: reported.result, results });
  },
});
