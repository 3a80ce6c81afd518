/** `invoked dev`: the real command, a folder, and saves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { BUSY } from "../support/busy.ts";
import type { Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { COMMAND_ENV, INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";
import { signalUnlessEnded } from "../support/processes.ts";
import { initFolder, Running, UNCHECKED } from "./support.ts";

const main = (word: string) =>
  `export default (input: { name?: string }) => ({ message: "${word}, " + input.name });\n`;

/** `invoked dev --json` in a folder, with what it printed so far. */
class Dev implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  readonly results: Json[] = [];
  notes = "";

  /** @param env of the command; types are checked only where a test is about them */
  constructor(
    folder: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = UNCHECKED,
  ) {
    this.#process = new Deno.Command(INVOKED, {
      args: ["dev", "--json", ...args],
      cwd: folder,
      clearEnv: true,
      env: { ...COMMAND_ENV, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([this.#readResults(), this.#readNotes()]);
  }

  /**
   * The first result that is like this. A save truncates a file before it writes it: a run of the half may come first,
   * and the types of a commit are checked beside its run.
   */
  async result(isWanted: (result: Json) => boolean): Promise<Json> {
    return await eventually(() => this.results.find(isWanted), "a result of dev").catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.results)} ${this.notes}`);
    });
  }

  /** The first run with this output. */
  async answers(output: Json): Promise<Json> {
    return await this.result((one) => isDeepStrictEqual(one.output, output));
  }

  /** The data directory of the local server. */
  async dataDir(): Promise<string> {
    return await eventually(() => / --data (\S+)\n/.exec(this.notes)?.[1], "a data directory");
  }

  async stop(): Promise<number> {
    this.#process.kill("SIGTERM");
    await this.#reading;
    return (await this.#process.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    signalUnlessEnded(this.#process, "SIGKILL");
    await this.#reading;
  }

  async #readResults(): Promise<void> {
    let text = "";
    for await (const part of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + part).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.results.push(JSON.parse(line));
    }
  }

  async #readNotes(): Promise<void> {
    for await (const part of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.notes += part;
    }
  }
}

Deno.test("dev runs on every save with the last input, and removes its store", async (t) => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "greeter");
  await initFolder(folder);
  const save = (path: string, text: string) => Deno.writeTextFile(join(folder, path), text);
  await Deno.remove(join(folder, "main.test.ts"));
  await save("main.ts", main("Hello"));
  await Deno.writeTextFile(join(directory.path, "input.json"), `{"name": "Ada"}`);
  await using dev = new Dev(folder, ["--input", "@../input.json"]);

  await t.step("at the start", async () => {
    assert.equal((await dev.answers({ message: "Hello, Ada" })).status, "SUCCESS");
  });
  await t.step("when the code is saved", async () => {
    await save("main.ts", main("Hi"));
    await dev.answers({ message: "Hi, Ada" });
  });
  await t.step("a violation is printed, and corrected by the next save", async () => {
    await save("main.ts", "export default retrn 1;");
    await dev.result(({ error }) => /main\.ts:1:.*BUILD_FAILED/s.test(error));
    await save("main.ts", main("Hey"));
    await dev.answers({ message: "Hey, Ada" });
  });
  await t.step("how invocations start is reported when a save changes it", async () => {
    const loads = ({ loadReport }: Json) => loadReport?.start === "INVOCATION_START_LOAD";
    await save("main.ts", `${BUSY}\nexport const at = Date.now();\n${main("Ahoy")}`);
    const { loadReport: { readings } } = await dev.result(loads);
    assert.equal(readings[0].position, "main.ts:2");
    await save("main.ts", main("Hey"));
    await dev.result((result) =>
      /_(?:FAST|TEMPLATE)$/.test(result.loadReport?.start ?? "") &&
      dev.results.indexOf(result) > dev.results.findIndex(loads)
    );
  });
  await t.step("when the input is saved", async () => {
    await Deno.writeTextFile(join(directory.path, "input.json"), `{"name": "Eve"}`);
    await dev.answers({ message: "Hey, Eve" });
  });
  const dataDir = await dev.dataDir();
  await t.step("another invocation's input becomes the last one", async () => {
    // dev publishes a commit after it printed the run.
    const call = ["invoke", "greeter", "--data", dataDir, "--input", `{"name": "Joe"}`];
    const { stdout } = await eventually(async () => {
      const run = await runInvoked(call);
      return run.code === 0 ? run : undefined;
    }, "an invocation of the function that dev runs");
    assert.deepEqual(JSON.parse(stdout), { message: "Hey, Joe" });
    await save("main.ts", main("Yo"));
    await dev.answers({ message: "Yo, Joe" });
  });
  await t.step("the store is removed at the end", async () => {
    assert.equal(await dev.stop(), 0);
    await assert.rejects(Deno.stat(dataDir), Deno.errors.NotFound);
  });
});

Deno.test("dev gives the function secrets, variables and limits, and reports types beside the run", async () => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "keeper");
  await initFolder(folder);
  const keeper = (type: string) =>
    `import { functions } from "@c1/functions-sdk";
const { secrets: { KEY = "" }, variables } = functions.getConfig();
export default (): { length: ${type} } => ({ length: KEY.length, ...variables });
`;
  await Deno.writeTextFile(join(folder, "main.ts"), keeper("string"));
  // Beyond the defaults of a server.
  const limits = { timeout: "2m", cpuTimeout: "45s", memoryMib: 192, maxConcurrency: 40 };
  const manifest = { name: "keeper", ...limits, variables: { A: "1", B: "2" } };
  await Deno.writeTextFile(join(folder, "invoked.json"), JSON.stringify(manifest));
  await Deno.remove(join(folder, "main.test.ts"));
  await Deno.writeTextFile(join(folder, ".env"), "# mine\nKEY='four'\n");
  await using dev = new Dev(folder, ["--secrets", ".env", "--var", "B=3", "--var", "C=="], {});
  const run = await dev.answers({ length: 4, A: "1", B: "3", C: "=" });
  const { commitId, typeErrors: [error] } = await dev.result((one) => one.typeErrors?.length > 0);
  assert.deepEqual([commitId, error.path, error.line], [run.commitId, "main.ts", 3]);
  await Deno.writeTextFile(join(folder, "main.ts"), keeper("number"));
  const { commitId: corrected } = await dev.result((one) => one.typeErrors?.length === 0);
  await dev.result((one) => one.commitId === corrected && one.status === "SUCCESS");
  assert.equal(await dev.stop(), 0);
});

Deno.test("dev attaches the volume of invoked.json, which begins empty on the local server", async () => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "reader");
  await initFolder(folder);
  await Deno.remove(join(folder, "main.test.ts"));
  const reader = (word: string) =>
    `import { vfs } from "@c1/functions-sdk";
export default async () => ({
  ${word}: await vfs.exists("/in.txt") ? await vfs.readTextFile("/in.txt") : "nothing",
});
`;
  await Deno.writeTextFile(join(folder, "main.ts"), reader("first"));
  await Deno.writeTextFile(join(folder, "invoked.json"), `{"name": "reader", "volume": "files"}`);
  await using dev = new Dev(folder);
  await dev.answers({ first: "nothing" });
  const dataDir = await dev.dataDir();
  await eventually(
    () => /invoked volumes put FILE files:\/ --data/.test(dev.notes) || undefined,
    "how to add files",
  );
  const put = ["volumes", "put", "-", "files:/in.txt", "--data", dataDir];
  assert.equal((await runInvoked(put, { stdin: "something" })).code, 0);
  await Deno.writeTextFile(join(folder, "main.ts"), reader("second"));
  await dev.answers({ second: "something" });
  assert.equal(await dev.stop(), 0);
});

Deno.test("dev serves the requests of a function with fetch", async () => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "My App");
  await initFolder(folder);
  const save = (text: string) => Deno.writeTextFile(join(folder, "main.ts"), text);
  const app = (word: string) =>
    `export const fetch = (request: Request) => new Response("${word} " + new URL(request.url).pathname);\n`;
  await Deno.remove(join(folder, "main.test.ts"));
  await save(app("first"));
  await using dev = new Dev(folder);
  const { endpoints: [url] } = await dev.result(({ status }) => status === "READY");
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/run\/my-app\/$/);
  const answers = async (text: string) =>
    await eventually(async () => {
      const response = await fetch(`${url}a/b`);
      return await response.text() === text ? true : undefined;
    }, text);
  await answers("first /a/b");
  await save(app("second"));
  await answers("second /a/b");
  // Its slug is that of the endpoint that dev made.
  const declare = (slug: string) => {
    const triggers = { web: { http: { slug, auth: "ENDPOINT_AUTH_OPEN" } } };
    return Deno.writeTextFile(
      join(folder, "invoked.json"),
      JSON.stringify({ name: "My App", triggers }),
    );
  };
  await declare("my-app");
  await save(app("third"));
  await answers("third /a/b");
  await declare("other");
  await save(app("fourth"));
  const { endpoints } = await dev.result((one) => one.endpoints?.[0]?.endsWith("/run/other/"));
  assert.match(await (await fetch(`${endpoints[0]}c`)).text(), /^(third|fourth) \/c$/);
  // Beside a default export: each run has the URL.
  const json = (text: string) => `export default () => ({ said: "${text}" });\n`;
  await save(json("no fetch"));
  const without = await dev.result(({ output }) => output?.said === "no fetch");
  assert.equal(without.endpoints, undefined);
  await save(json("both") + app("fifth"));
  const both = await dev.result((one) => one.output?.said === "both" && one.endpoints);
  assert.deepEqual([both.status, both.endpoints], ["SUCCESS", endpoints]);
  await eventually(
    async () => await (await fetch(`${endpoints[0]}d`)).text() === "fifth /d" || undefined,
  );
  await Deno.writeTextFile(join(folder, "app.ts"), app("sixth"));
  for (const form of ['export { fetch } from "./app.ts";', 'export * from "./app.ts";']) {
    await save(`// export { fetch }\n${json(form.slice(0, 8))}${form}\n`);
    await dev.result((one) => one.output?.said === form.slice(0, 8) && one.endpoints);
  }
  await save("export const fetch = async (): Promise<Response> => await fetch();\n");
  const { warnings: [warning] } = await dev.result((one) => one.warnings);
  assert.match(warning.message, /hides the global fetch/);
});

Deno.test("dev prints the URL of requests beside the output of the default export", async () => {
  await using directory = await makeTempDir();
  const folder = join(directory.path, "both");
  await initFolder(folder);
  await Deno.remove(join(folder, "main.test.ts"));
  await Deno.writeTextFile(
    join(folder, "main.ts"),
    "export default () => ({ a: 1 });\nexport const fetch = () => new Response();\n",
  );
  await using dev = new Running(["dev"], UNCHECKED, folder);
  await dev.printed("stderr", /ready for requests at http:\/\/127\.0\.0\.1:\d+\/run\/both\/\n/);
  assert.match(dev.stdout, /"a": 1/);
  await dev.stop("SIGINT");
});
