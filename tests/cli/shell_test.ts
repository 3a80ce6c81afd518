import assert from "node:assert/strict";
import { quoteForShell } from "../../src/cli/terminal/shell.ts";

Deno.test("a quoted word is read back by sh as it was", async () => {
  const words = [
    "plain/path-1.txt",
    "",
    "a b",
    "it's",
    "$(id)",
    "`id`",
    '"',
    "\\",
    "a\nb",
    "~",
    "*",
  ];
  const script = `printf '%s\\0' ${words.map(quoteForShell).join(" ")}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
  assert.equal(quoteForShell("plain/path-1.txt"), "plain/path-1.txt");
});
