/** Stacks that a function has written, of which the server reads each line. */
import assert from "node:assert/strict";
import { StackMap } from "../../src/shared/stack.ts";

Deno.test("a line of a stack is read once, however it is written", async () => {
  const map = await StackMap.open(() => Promise.resolve(""));
  const frames = (line: string) => map.frames(`Error: a\n${line}`).toArray();
  // Each of these parentheses could be the start of a location. With a search from each of them, this does not end.
  const long = `    at ${" (".repeat(2_000_000)}x`;
  assert.deepEqual(frames(long), []);
  assert.deepEqual(frames(`    at ${" ()".repeat(2_000_000)}x`), []);
  const named = [
    ["    at run (invoked:bundle.js:1:2)", "run"],
    ["    at invoked:bundle.js:1:2", undefined],
    ["    at async Promise.all (index 0)", "async Promise.all"],
  ] as const;
  for (const [line, name] of named) {
    assert.deepEqual(frames(line).map(({ functionName }) => functionName), [name]);
  }
  assert.deepEqual(frames("at run (invoked:bundle.js:1:2)"), [], "a line without indentation");
  assert.deepEqual(frames("    at run\r (invoked:bundle.js:1:2)"), []);
});
