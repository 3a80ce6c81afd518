/** What a function prints of its secrets, by accident, is masked in its log and its error. */
import assert from "node:assert/strict";
import { Redactor } from "../../src/sandbox/redaction.ts";
import { failure, run, sandboxTest } from "../sandbox/harness.ts";

const PEM = "-----BEGIN KEY-----\nMIIBVgIBADANBgkq\r\nhkiG9w0BAQEF\nshort\n-----END KEY-----\n";
const SECRETS = { TOKEN: 'tok"en+/\\1é', PEM, SHORT: "12345" };
const messages = async (...parameters: Parameters<typeof run>) =>
  (await run(...parameters)).logs.map(({ message }) => message);

sandboxTest("values of six or more characters are masked in every source", async (sandboxes) => {
  const logs = await messages(
    sandboxes,
    `async function main() {
      const { TOKEN, PEM, SHORT } = meta.invoked.secrets;
      console.log("token " + TOKEN + "!", SHORT);
      console.error(JSON.stringify({ TOKEN }));
      console.log("Basic " + btoa("user:" + unescape(encodeURIComponent(TOKEN))));
      console.log("https://host/?q=" + encodeURIComponent(TOKEN));
      console.log(PEM);
      const write = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text));
      write("a " + TOKEN.slice(0, 4)); write(TOKEN.slice(4) + " b\\n" + PEM);
      Deno.stderr.writeSync(new TextEncoder().encode(TOKEN + TOKEN));
      return {};
    }`,
    { secrets: SECRETS },
  );
  assert.deepEqual(logs.slice(0, 2), ["token ***! 12345", '{"TOKEN":"***"}']);
  assert.match(logs[2] ?? "", /^Basic dXNlcj[\w]{0,2}\*\*\*.{0,4}$/);
  assert.equal(logs[3], "https://host/?q=***");
  assert.equal(logs[4], "***");
  assert.deepEqual(logs.slice(5), ["a *** b", "***", "***", "***", "short", "***", "******"]);
});

sandboxTest("errors are masked, in message, thrown value and output fault", async (sandboxes) => {
  const failed = (body: string) => failure(sandboxes, body, { secrets: SECRETS });
  const T = "meta.invoked.secrets.TOKEN";
  assert.match(await failed(`function main() { throw new Error("got " + ${T}); }`), /: got \*\*\*/);
  assert.match(await failed(`function main() { throw { t: ${T} }; }`), /thrown: \{"t":"\*\*\*"\}$/);
  assert.match(
    await failed(`function main() { return { toJSON() { throw new Error(${T}); } }; }`),
    /^BAD_OUTPUT: .*\*\*\*, not/,
  );
  const cut = await failed(
    `function main() { throw new Error("x".repeat(16384 - 8) + ${T}.repeat(2)); }`,
  );
  assert.ok(!cut.includes(SECRETS.TOKEN.slice(0, 6)), cut.slice(-40));
});

sandboxTest("no cut of a long line leaves a part of a value", async (sandboxes) => {
  for (const before of [65_536 - 3, 65_536 - 6, 65_536 - 12, 65_536]) {
    const logs = await messages(
      sandboxes,
      `function main() {
        const text = "x".repeat(${before}) + meta.invoked.secrets.KEY + "y".repeat(70000);
        Deno.stdout.writeSync(new TextEncoder().encode(text)); console.log(text);
        return {};
      }`,
      { secrets: { KEY: "ABCDEFGHIJKL" } },
    );
    const all = logs.join("");
    assert.ok(!/[A-L]/.test(all), `${before}: ${/.{5}[A-L]+.{5}/.exec(all)?.[0]}`);
    assert.equal(all.match(/\*\*\*/g)?.length, 2, String(before));
    assert.equal(all.length, 2 * (before + 3 + 70_000));
  }
}, { logBytes: 1_000_000 });

Deno.test("texts that overlap, nest, repeat and end early", () => {
  const redactor = new Redactor(["/srv/invoked/"], ["secret", "secret-long", "aaaaaa", "🔑🔑🔑"]);
  const cases: readonly (readonly [string, string])[] = [
    ["secret-long secret secre", "*** *** secre"],
    ["/srv/invoked/a/srv/invoked/", "a"],
    ["aaaaaaaaaaaaa", "******a"],
    ["x🔑🔑🔑🔑", "x***🔑"],
    ["", ""],
  ];
  for (const [text, expected] of cases) assert.equal(redactor.redact(text), expected);
  assert.equal(redactor.redact("the secret-l", true), "the ***");
  assert.equal(redactor.unfinishedAt("the secre"), 4);
  assert.equal(redactor.unfinishedAt("nothing"), 7);
  assert.equal(new Redactor([], []).redact("anything at all"), "anything at all");
});

Deno.test("values that make the search slow hide the whole message in the end", () => {
  const alike = Array.from({ length: 2000 }, (_, index) => `value-number-${index}-`);
  assert.equal(new Redactor([], alike).redact("value-number-".repeat(80_000)), "***");
  const long = new Redactor([], ["a".repeat(60_000) + "b" + "a".repeat(5000)]);
  assert.equal(long.redact("a".repeat(250_000)), "***");
  const many = new Redactor([], Array.from({ length: 2000 }, () => crypto.randomUUID()));
  const text = `${crypto.randomUUID()} is no secret. `.repeat(2000);
  assert.equal(many.redact(text), text);
});
