import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Secret } from "../../src/config/mod.ts";

Deno.test("a secret is shown by reveal and by nothing else", () => {
  const secret = new Secret("hunter2");
  assert.equal(secret.reveal(), "hunter2");
  const shown = [
    `${secret}`,
    "" + secret,
    String(secret),
    JSON.stringify({ secret }),
    Deno.inspect(secret),
    Deno.inspect({ deep: { secret } }, { showHidden: true }),
    inspect({ secret }, { showHidden: true }),
    Object.entries(secret).join(),
    JSON.stringify(structuredClone(secret)),
  ];
  for (const text of shown) assert.ok(!text.includes("hunter2"), text);
});
