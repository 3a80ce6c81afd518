import assert from "node:assert/strict";
import { getJsonLinesFormatter, type LogRecord } from "@logtape/logtape";
import fc from "fast-check";
import { jsonFormatter } from "../../src/cli/terminal/logging.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const PROGRAM = `
  import process from "node:process";
  import { getLogger } from "@logtape/logtape";
  import { setUpLogging } from "${new URL("../../src/cli/terminal/logging.ts", import.meta.url)}";
  setUpLogging({ format: "json", level: "info" });
  const logger = getLogger(["invoked", "test"]);
  setTimeout(() => {
    for (let n = 1; n <= 40; n++) logger.info("line {n}", { n });
    ENDING;
  }, 1);
`;

/** How a process ends right after it logs. Nothing runs after SIGKILL: a warning has been written by then. */
const ENDINGS: Readonly<Record<string, string>> = {
  "Deno.exit": "Deno.exit(0)",
  "process.exit": "process.exit(0)",
  "an uncaught error": 'throw new Error("thrown")',
  "a rejection": 'Promise.reject(new Error("rejected"))',
  "its natural end": "",
  "SIGKILL": 'logger.warn("line {n}", { n: 41 }); process.kill(process.pid, "SIGKILL")',
};

for (const [name, ending] of Object.entries(ENDINGS)) {
  Deno.test(`a process that ends by ${name} loses no line of its log`, async () => {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--config", CONFIG, PROGRAM.replace("ENDING", ending)],
    }).output();
    const lines = new TextDecoder().decode(stderr).split("\n").filter((line) => line[0] === "{");
    const expected = Array.from(
      { length: name === "SIGKILL" ? 41 : 40 },
      (_, n) => `line ${n + 1}`,
    );
    assert.deepEqual(lines.map((line) => JSON.parse(line).message), expected);
  });
}

Deno.test("a line of texts and numbers is the one that the library makes", () => {
  const format = getJsonLinesFormatter();
  const ours = jsonFormatter();
  // The library escapes more characters than JSON.stringify does.
  const unit = fc.constantFrom(...'a%é"\\\n\0\x1f\x7f\x80\x9f\xa0\u2028\ud800\udc00');
  const text = fc.string({ unit });
  const value = fc.oneof(text, fc.double(), fc.constant(undefined), fc.boolean(), fc.bigInt());
  const record = fc.record<LogRecord>({
    category: fc.array(text, { minLength: 1 }),
    level: fc.constantFrom("trace", "debug", "info", "warning", "error", "fatal"),
    message: fc.tuple(text, fc.oneof(text, fc.double()), text),
    rawMessage: text,
    timestamp: fc.integer({ min: 0, max: 4e12 }),
    properties: fc.dictionary(text, value),
  });
  fc.assert(fc.property(record, (made) => {
    const message = made.message.map((part) =>
      typeof part === "string" ? part : Deno.inspect(part)
    );
    assert.equal(ours(made).trimEnd(), format({ ...made, message: [message.join("")] }).trimEnd());
  }));
});
