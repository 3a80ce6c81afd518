import assert from "node:assert/strict";
import { alignColumns, timeInWords } from "../../src/cli/terminal/output.ts";
import { describeError, oneLine, printable } from "../../src/cli/terminal/failure.ts";

Deno.test("columns are aligned as a terminal shows wide and coloured cells", () => {
  const lines = alignColumns([["\x1b[1mNAME\x1b[22m", "ID"], ["日本", "1"], ["a", ""]]).split("\n");
  assert.deepEqual(lines, ["\x1b[1mNAME\x1b[22m  ID", "日本  1", "a"]);
});

Deno.test("text from outside cannot change the order in which a terminal shows it", () => {
  const text = "a\u202egpj.exe\u2066\u200f\u061c b\x1b[2J\nc";
  assert.equal(printable(text), "a gpj.exe  b [2J\nc");
  assert.equal(oneLine(text), "a gpj.exe  b [2J c");
});

Deno.test("an error shows what failed first, and not what failed as it was cleared away", () => {
  const first = new Error("the disk is full", { cause: new Error("os error 28") });
  const error = new SuppressedError(new Error("the connection is closed"), first);
  assert.equal(describeError(error), "the disk is full: os error 28");
});

Deno.test("times are in UTC in every time zone", async () => {
  const module = new URL("../../src/cli/terminal/output.ts", import.meta.url).href;
  const code = `const { timeInWords } = await import(${JSON.stringify(module)});
    console.log(timeInWords("2026-01-31T23:30:00.123Z"), timeInWords("2026-01-31T23:30:00+01:00"));`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    cwd: new URL("../../", import.meta.url),
    env: { TZ: "America/New_York" },
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    "2026-01-31 23:30:00Z 2026-01-31 22:30:00Z\n",
  );
  assert.deepEqual([timeInWords(undefined), timeInWords("soon")], ["", "soon"]);
});
