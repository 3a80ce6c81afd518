/** A whole installation on one machine: starts, runs a function, survives the end of parts and a second start. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { serverProgram } from "../support/release.ts";
import { allGone, argumentsOf, descendantsOf } from "../support/processes.ts";

const LOCAL_CLUSTER = fileURLToPath(new URL("../../deploy/local-cluster", import.meta.url));
const READY_TIMEOUT_MS = 180_000;
const ECHO = `export default async ({ n }) => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { n };
};`;
/** Between two invocations of a caller. */
const PAUSE_MS = 100;
/** Runs until its API node ends. */
const ENDLESS = "export default () => new Promise((resolve) => setTimeout(resolve, 60_000));";

class LocalCluster implements AsyncDisposable {
  #output = "";

  private constructor(
    private readonly process: Deno.ChildProcess,
    private readonly errors: Promise<string>,
    readonly directory: string,
    readonly url: string,
  ) {}

  static async start(directory: string): Promise<LocalCluster> {
    const port = freePort();
    const process = new Deno.Command(LOCAL_CLUSTER, {
      args: ["--data", directory, "--port", `${port}`, "--capacity", "1"],
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        INVOKED_POOL_SIZE: "1",
        INVOKED_CHECK_TYPES: "false",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = new Response(process.stderr).text();
    const cluster = new LocalCluster(process, errors, directory, `http://127.0.0.1:${port}`);
    cluster.#read();
    await eventually(() => cluster.#isReady(), "a cluster that is ready", READY_TIMEOUT_MS);
    return cluster;
  }

  get output(): string {
    return this.#output;
  }

  /** The process of a part whose arguments contain these words. */
  async pidOf(...words: readonly string[]): Promise<number> {
    for (const pid of await descendantsOf(this.process.pid)) {
      const args = await argumentsOf(pid);
      if (words.every((word) => args.includes(word))) return pid;
    }
    throw new Error(`No part runs with ${words}`);
  }

  async client(): Promise<Client> {
    const text = await Deno.readTextFile(`${this.directory}/api-1/credentials.json`);
    const { clientId, clientSecret } = JSON.parse(text);
    return await Client.login(this.url, clientId, clientSecret);
  }

  /** The base URL of an API node itself, such as `api-1`. */
  async urlOf(node: string): Promise<string> {
    const args = await argumentsOf(await this.pidOf("serve", `${this.directory}/${node}`));
    return `http://127.0.0.1:${args[args.indexOf("--port") + 1]}`;
  }

  /** Ends a part in this way; answers once it runs again. */
  async restart(signal: "SIGKILL" | "SIGTERM", ...words: readonly string[]): Promise<void> {
    const pid = await this.pidOf(...words);
    Deno.kill(pid, signal);
    await allGone([pid]);
    await eventually(
      () => this.pidOf(...words).then(() => true, () => undefined),
      `${words[0]} again`,
    );
  }

  /** Ends it as Ctrl-C does; every process of it is gone then. */
  async stop(): Promise<{ code: number; errors: string }> {
    const parts = await descendantsOf(this.process.pid);
    this.process.kill("SIGINT");
    const { code } = await this.process.status;
    await allGone(parts);
    return { code, errors: await this.errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = await descendantsOf(this.process.pid);
    try {
      this.process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await this.process.status;
    await allGone(parts);
  }

  async #read(): Promise<void> {
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#output += text;
    }
  }

  async #isReady(): Promise<true | undefined> {
    const ended = await Promise.race([this.process.status, Promise.resolve(undefined)]);
    if (ended !== undefined) throw new Error(`The cluster ended:\n${await this.errors}`);
    return this.#output.includes("Ctrl-C stops all") || undefined;
  }
}

/** Replaces every node and worker, one after another, under invocations: none of them fails. */
async function replacesAll(cluster: LocalCluster, client: Client): Promise<void> {
  const id = await client.deploy(ECHO);
  const stopping = new AbortController();
  const accepted: string[] = [];
  let count = 0;
  const calls = Promise.all([true, false, false].map(async (isAsync) => {
    while (!stopping.signal.aborted) {
      const n = ++count;
      const { status, body } = await client
        .invoke(id, { n }, isAsync ? { prefer: "respond-async" } : {});
      assert.equal(status, 200, JSON.stringify(body));
      if (isAsync) accepted.push(body.invocationId);
      else assert.deepEqual(JSON.parse(unbase64(body.json)), { n }, JSON.stringify(body));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }));
  calls.catch(() => {});
  const within = <T>(work: Promise<T>) => Promise.race([work, calls.then(() => work)]);
  const isReady = async (url: string, workers: number) => {
    const { status, body } = await new Client(url, client.token).get("/api/v1/status");
    const open = status === 200 && body.workers.filter(({ isDraining }: Json) => !isDraining);
    return open && open.length === workers || undefined;
  };
  for (const node of ["api-1", "api-2"]) {
    await within(cluster.restart("SIGTERM", "serve", `${cluster.directory}/${node}`));
    const url = await cluster.urlOf(node);
    await within(eventually(() => isReady(url, 3).catch(() => undefined), "the node"));
  }
  for (const worker of ["worker-1", "worker-2", "worker-3"]) {
    await within(cluster.restart("SIGTERM", "worker", `${cluster.directory}/${worker}`));
    await within(eventually(() => isReady(cluster.url, 3), "three workers"));
  }
  stopping.abort();
  await calls;
  for (const invocation of accepted) {
    const { status, error = "", attempt } = await client.ended(id, invocation);
    const expected = ["FUNCTION_INVOCATION_STATUS_SUCCESS", "", 1];
    assert.deepEqual([status, error, attempt], expected);
  }
}

Deno.test("a local cluster runs invocations, outlives its parts, and starts again on its directory", async (t) => {
  await using directory = await makeTempDir();
  await Deno.chmod(directory.path, 0o711);
  const data = `${directory.path}/cluster`;
  let hello = "";

  await t.step("a first start prints a command that works", async () => {
    await using cluster = await LocalCluster.start(data);
    assert.match(cluster.output, /^invoked is ready at http:\/\/127\.0\.0\.1:\d+\n/);
    const curl = /^curl .*$/m.exec(cluster.output)?.[0] ?? "";
    const { success, stdout, stderr } = await new Deno.Command("sh", { args: ["-c", curl] })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const answer = JSON.parse(new TextDecoder().decode(stdout));
    assert.match(unbase64(answer.json), /world/);
    hello = /functions\/(\w+)\/invoke/.exec(curl)?.[1] ?? "";

    const exported = [...cluster.output.matchAll(/^export .*$/gm)].join("\n");
    const inShell = async (...args: readonly string[]) => {
      const program = await serverProgram();
      const { stdout, stderr } = await new Deno.Command("sh", {
        args: ["-c", `${exported}\nexec "$@"`, "sh", program, ...args],
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "" },
      }).output();
      return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
    };
    assert.match(await inShell("invoke", "hello", "--input", '{"name":"Ada"}'), /Ada/);
    const { cluster: parts } = JSON.parse(await inShell("doctor", "--cluster", "--json"));
    assert.deepEqual(parts.filter(({ verdict }: Json) => verdict !== "fine"), []);
    assert.equal(parts.filter(({ name }: Json) => name.startsWith("API node")).length, 2);

    for (const file of ["secrets/master.key", "secrets/postgres.password", "nats/worker-1.nk"]) {
      const { mode } = await Deno.stat(`${data}/${file}`);
      assert.equal((mode ?? 0) & 0o777, 0o600, file);
    }
    const { code, errors } = await cluster.stop();
    assert.equal(code, 0, errors);
  });

  await t.step(
    "a second start has the same data, and parts that are killed come back",
    async () => {
      await using cluster = await LocalCluster.start(data);
      const client = await cluster.client();
      const call = async () => unbase64((await client.invoke(hello, { name: "Ada" })).body.json);
      assert.match(await call(), /Ada/);
      for (const words of [["worker", `${data}/worker-1`], ["serve", `${data}/api-1`]]) {
        await cluster.restart("SIGKILL", ...words);
        await eventually(
          () => call().then(() => true, () => undefined),
          "an invocation on the others",
        );
      }
      await replacesAll(cluster, client);
      const second = await new Deno.Command(LOCAL_CLUSTER, { args: ["--data", data] }).output();
      assert.equal(second.code, 1);
      assert.match(new TextDecoder().decode(second.stderr), /is in use by another local cluster/);

      const endless = await client.deploy(ENDLESS);
      const path = `/api/v1/functions/${endless}/invocations`;
      const all = async () => (await client.get(path)).body.list as { readonly status: string }[];
      const invocations = [client.invoke(endless), client.invoke(endless)];
      await eventually(async () => {
        const running = (await all()).filter(({ status }) => status.endsWith("_RUNNING"));
        return running.length === invocations.length || undefined;
      }, "two invocations that run");
      for (const name of ["api-1", "api-2"]) {
        await cluster.restart("SIGKILL", "serve", `${data}/${name}`);
      }
      for (const { status } of await Promise.all(invocations)) assert.equal(status, 502);
      assert.equal((await eventually(() => all().catch(() => undefined), "a list")).length, 2);
    },
  );
});
