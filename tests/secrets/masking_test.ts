/** What a function prints of its secrets, by accident, is masked in its log and its error. */
import assert from "node:assert/strict";
import { Redactions, Redactor } from "../../src/sandbox/instance/redaction.ts";
import type { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { sharedServer } from "../support/shared_server.ts";

const PEM = "-----BEGIN KEY-----\nMIIBVgIBADANBgkq\r\nhkiG9w0BAQEF\nshort\n-----END KEY-----\n";
const SECRETS = {
  TOKEN: 'tok"en+/\\1é',
  PEM,
  SHORT: "12345",
  KEY: "ABCDEFGHIJKL",
  MIXED: "a\"b'c`d\\e",
};

/** Runs a function whose body has the secrets in scope; returns all that the server reports of the invocation. */
async function reported(
  client: Client,
  body: string,
): Promise<{ readonly logs: string[]; readonly error: string }> {
  const id = await client.deploy(`import { functions } from "@c1/functions-sdk";
import { inspect } from "node:util";
const { TOKEN, PEM, SHORT, KEY, MIXED } = functions.getConfig().secrets;
const write = (to: typeof Deno.stdout | typeof Deno.stderr, text: string) =>
  to.writeSync(new TextEncoder().encode(text));
export default function main(): object { ${body} }`);
  ok(await client.update(id, { secret: SECRETS }, "secret"));
  const { body: { invocationId } } = await client.invoke(id);
  const { error = "" } = await client.invocation(id, invocationId);
  const path = `/api/v1/functions/${id}/invocations/${invocationId}/logs?page_size=100`;
  const { body: page } = await client.get(path);
  return { logs: page.list.map(({ message }: { message: string }) => message), error };
}

Deno.test("secrets are masked", async (t) => {
  const server = await sharedServer();
  const client = await server.client();

  await t.step("in every source and in the forms that programs print", async () => {
    const { logs, error } = await reported(
      client,
      `console.log("token " + TOKEN + "!", SHORT);
      console.error(JSON.stringify({ TOKEN }));
      console.log("Basic " + btoa("user:" + unescape(encodeURIComponent(TOKEN))));
      console.log("https://host/?q=" + encodeURIComponent(TOKEN));
      console.log(PEM);
      write(Deno.stdout, "a " + TOKEN.slice(0, 4)); write(Deno.stdout, TOKEN.slice(4) + " b\\n" + PEM);
      return {};`,
    );
    assert.equal(error, "");
    assert.deepEqual(logs.slice(0, 2), ["token ***! 12345", '{"TOKEN":"***"}']);
    assert.match(logs[2] ?? "", /^Basic dXNlcj[\w]{0,2}\*\*\*.{0,4}$/);
    assert.equal(logs[3], "https://host/?q=***");
    assert.equal(logs[4], "***");
    assert.deepEqual(logs.slice(5), ["a *** b", "***", "***", "***", "short", "***"]);
    const raw = await reported(client, "write(Deno.stderr, TOKEN + TOKEN); return {};");
    assert.deepEqual(raw.logs, ["******"]);
  });

  await t.step("in objects that are printed, whatever quotes a value has", async () => {
    const { logs } = await reported(
      client,
      `console.log({ TOKEN }); console.log(inspect({ TOKEN })); console.log(inspect({ MIXED }));
      return {};`,
    );
    assert.deepEqual(logs.map((log) => log.replace(/\s+/g, " ")), [
      "{ TOKEN: '***' }",
      "{ TOKEN: '***' }",
      "{ MIXED: '***' }",
    ]);
  });

  await t.step(
    "in errors: message, thrown value, output error, and where a message is cut",
    async () => {
      const error = async (body: string) => (await reported(client, body)).error;
      assert.match(
        await error(`throw new Error("got " + TOKEN);`),
        /^UNCAUGHT: Error: got \*\*\*\n/,
      );
      assert.match(await error(`throw { t: TOKEN };`), /thrown: \{"t":"\*\*\*"\}$/);
      assert.match(
        await error(`return { toJSON() { throw new Error(TOKEN); } };`),
        /^BAD_OUTPUT: .*\*\*\*$/,
      );
      assert.match(
        await error(`throw Object.assign(new Error("x"), { name: KEY });`),
        /^UNCAUGHT: \*\*\*: x\n/,
      );
      const cut = await error(`throw new Error("x".repeat(16384 - 8) + TOKEN.repeat(2));`);
      assert.ok(!cut.includes(SECRETS.TOKEN.slice(0, 6)), cut.slice(-40));
    },
  );

  await t.step("where a long line is cut", async () => {
    for (const before of [65_536 - 3, 65_536 - 6, 65_536 - 12, 65_536]) {
      const { logs } = await reported(
        client,
        `const text = "x".repeat(${before}) + KEY + "y".repeat(70000);
        write(Deno.stdout, text); console.log(text); return {};`,
      );
      const all = logs.join("");
      assert.ok(!/[A-L]/.test(all), `${before}: ${/.{5}[A-L]+.{5}/.exec(all)?.[0]}`);
      assert.equal(all.match(/\*\*\*/g)?.length, 2, String(before));
      assert.equal(all.length, 2 * (before + 3 + 70_000));
    }
  });
});

function redactorOf(hidden: readonly string[], secrets: readonly string[]): Redactor {
  return new Redactor(new Redactions(hidden, secrets));
}

Deno.test("texts that overlap, nest, repeat and end early", () => {
  const redactor = redactorOf(["/srv/invoked/"], ["secret", "secret-long", "aaaaaa", "🔑🔑🔑"]);
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
  assert.equal(redactorOf([], []).redact("anything at all"), "anything at all");
});

Deno.test("values that make the search slow hide the whole message in the end", () => {
  const alike = Array.from({ length: 2000 }, (_, index) => `value-number-${index}-`);
  assert.equal(redactorOf([], alike).redact("value-number-".repeat(80_000)), "***");
  const long = redactorOf([], ["a".repeat(60_000) + "b" + "a".repeat(5000)]);
  assert.equal(long.redact("a".repeat(250_000)), "***");
  const many = redactorOf([], Array.from({ length: 2000 }, () => crypto.randomUUID()));
  const text = `${crypto.randomUUID()} is no secret. `.repeat(2000);
  assert.equal(many.redact(text), text);
});
