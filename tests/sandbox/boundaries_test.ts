/** No invocation can know the boundaries of another one: see `src/runtime/form_bodies.ts`. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fromTemplate, output, run, sandboxSuite, scriptOf } from "./harness.ts";

const MAIN = fileURLToPath(new URL("boundaries_main.ts", import.meta.url));

interface Drawn {
  readonly drawn: readonly number[];
  readonly texts: readonly string[];
  readonly isReachable: boolean;
  readonly isSearched: boolean;
}

async function drawAfter(bodies: "none" | "wrapped" | "original"): Promise<Drawn> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", "--v8-flags=--random-seed=7", MAIN, bodies],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("no body of a form takes a number of V8's generator, which forks share", async () => {
  const [none, wrapped, original] = await Promise.all([
    drawAfter("none"),
    drawAfter("wrapped"),
    drawAfter("original"),
  ]);
  assert.deepEqual(wrapped.drawn, none.drawn);
  // Otherwise the numbers show nothing.
  assert.notDeepEqual(original.drawn, none.drawn);
  const text = [
    `--boundary\r\nContent-Disposition: form-data; name="text"\r\n\r\nvalue\r\n`,
    `--boundary\r\nContent-Disposition: form-data; name="file"; filename="name"\r\n`,
    "Content-Type: application/octet-stream\r\n\r\ncontent\r\n--boundary--",
  ].join("");
  assert.ok(wrapped.texts.length > 30);
  // The form with an iterator of its own has no fields.
  assert.deepEqual([...new Set(wrapped.texts)].sort(), ["--boundary--", text].sort());
  assert.deepEqual([none.isReachable, none.isSearched], [false, true]);
});

/** Far more than one invocation draws: with a generator that forks share, those of the next forks are among them. */
const GUESSES = 4500;
const ATTACKER = `const main = ({ count }) => ({
  guesses: Array.from(
    { length: count },
    () => new Response(new FormData()).headers.get("content-type").split("boundary=")[1],
  ),
});`;
/** Its value becomes a field of its own if one guess is right. */
const VICTIM = `const main = async ({ guesses }) => {
  const form = new FormData();
  form.append("comment", guesses.map((guess) =>
    "a\\r\\n--" + guess + '\\r\\nContent-Disposition: form-data; name="role"\\r\\n\\r\\nadmin\\r\\n').join(""));
  const sent = new Response(form);
  return {
    boundary: sent.headers.get("content-type").split("boundary=")[1],
    fields: [...(await sent.formData()).keys()],
  };
};`;
/** Invocations after the attack: of any function, two from each template. */
const VICTIMS = 4;
const POOL = { poolSize: 2, cpuTimeMs: 60_000 };
const step = sandboxSuite("boundaries", POOL);

step(
  "an invocation cannot predict the boundaries of other invocations",
  async (sandboxes) => {
    sandboxes.provision([{ key: ATTACKER, script: scriptOf(ATTACKER), count: 2 }]);
    await fromTemplate(sandboxes, ATTACKER, { input: { count: 1 } });
    const attacks = [
      // From a generic template, and from one that has evaluated the script.
      `${ATTACKER}\nconst at = Date.now();`,
      ATTACKER,
    ];
    for (const attack of attacks) {
      const { guesses } = await output(sandboxes, attack, { input: { count: GUESSES } }) as {
        readonly guesses: readonly string[];
      };
      assert.equal(new Set(guesses).size, GUESSES);
      for (let n = 0; n < VICTIMS; n++) {
        const victim = `${VICTIM}\nconst at = Date.now();`;
        const { boundary, fields } = await output(sandboxes, victim, { input: { guesses } });
        assert.deepEqual(fields, ["comment"]);
        assert.ok(!guesses.includes(String(boundary)));
        const again = await output(sandboxes, ATTACKER, { input: { count: 1 } });
        const [drawn] = again.guesses as readonly string[];
        assert.ok(drawn !== undefined && !guesses.includes(drawn));
      }
    }
  },
);

step("a script that draws a boundary while it loads has no template", async (sandboxes) => {
  const top = (expression: string) =>
    `const sent = ${expression}; const main = () => ({ type: sent.headers.get("content-type") });`;
  const drawing = [
    "new Response(new FormData())",
    `new Request("http://a/", {
    method: "POST", body: new FormData() })`,
  ].map(top);
  const last = top("new Response('text')");
  sandboxes.provision(
    [...drawing, last].map((key) => ({ key, script: scriptOf(key), count: 1 })),
  );
  await fromTemplate(sandboxes, last);
  for (const body of drawing) {
    const first = await run(sandboxes, body);
    const second = await run(sandboxes, body);
    assert.deepEqual([first.process, second.process], ["root", "root"]);
    assert.notDeepEqual(first.outcome, second.outcome);
  }
});

step(
  "the encoding of a form shows no path of the server to the function",
  async (sandboxes) => {
    const body = `const main = () => {
    const stacks = [];
    const note = () => stacks.push(new Error().stack);
    const form = new FormData();
    form.append("a", "b");
    const traps = { getPrototypeOf: (target) => (note(), Reflect.getPrototypeOf(target)),
      get: (target, key) => (note(), target[key]) };
    const init = { get method() { note(); return "POST"; }, get body() { note(); return new Proxy(form, traps); } };
    new Response(new Proxy(form, traps));
    new Request("http://localhost/", new Proxy(init, traps));
    return { stacks };
  };`;
    const { stacks } = await output(sandboxes, body) as { readonly stacks: readonly string[] };
    assert.ok(stacks.length > 5);
    for (const stack of stacks) assert.doesNotMatch(stack, /file:|bootstrap|\.ts/);
  },
);
