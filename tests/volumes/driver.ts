/** A function that runs the operations of its input on its volume, and a client for it. */
import type { Client, Json } from "../support/client.ts";
import { unbase64 } from "../support/client.ts";
import { ok } from "../support/expect.ts";

const MAIN = `
import { vfs } from "@c1/functions-sdk";

async function run([op, ...args]) {
  if (op === "readDir") {
    const names = [];
    for await (const { name, isDirectory } of vfs.readDir(...args)) {
      names.push(name + (isDirectory ? "/" : ""));
    }
    return names;
  }
  if (op === "tree") return await tree("/");
  if (op === "add") {
    const now = await vfs.exists(args[0]) ? Number(await vfs.readTextFile(args[0])) : 0;
    await vfs.writeTextFile(args[0], String(now + 1));
    return now + 1;
  }
  if (op === "barrier") return await (await fetch(args[0])).text();
  if (op === "throw") throw new Error("as requested");
  if (op === "hang") return await new Promise((resolve) => setInterval(() => {}, 1000));
  const value = await vfs[op](...args);
  if (op === "stat") return { ...value, mtime: value.mtime instanceof Date };
  return value ?? null;
}

async function tree(directory) {
  const found = {};
  for await (const { name, isDirectory } of vfs.readDir(directory)) {
    const path = (directory === "/" ? "" : directory) + "/" + name;
    found[path] = isDirectory ? null : await vfs.readTextFile(path);
    if (isDirectory) Object.assign(found, await tree(path));
  }
  return found;
}

export default async ({ steps }) => {
  const results = [];
  for (const step of steps) {
    if (step[0] === "throw") throw new Error("as requested");
    try {
      results.push({ value: await run(step) });
    } catch (error) {
      const isDeno = typeof Deno.errors[error.name] === "function" &&
        error instanceof Deno.errors[error.name];
      results.push({ error: error.name, isDeno, message: error.message });
    }
  }
  return { results };
};
`;

/** One operation of `vfs` with its arguments, or `tree`, `add`, `barrier`, `throw`, `hang`. */
export type Step = readonly [op: string, ...args: unknown[]];

/** The value of a step, or the name of its error. */
type StepResult = Json;

/** The end of an invocation. */
export interface Ending {
  readonly record: Json;
  readonly results: readonly StepResult[] | undefined;
}

/** The function, deployed on one server. */
export class Driver {
  private constructor(private readonly client: Client, readonly id: string) {}

  /** @param hosts the allowlist of the function: the host of a barrier */
  static async deploy(client: Client, ...hosts: readonly string[]): Promise<Driver> {
    const id = await client.deploy(MAIN);
    if (hosts.length > 0) {
      ok(await client.update(id, { outboundNetworkAllowlist: hosts }, "outboundNetworkAllowlist"));
    }
    return new Driver(client, id);
  }

  at(client: Client): Driver {
    return new Driver(client, this.id);
  }

  /** Runs the steps on a volume; an empty id means no volume. */
  async run(vfsId: string, ...steps: readonly Step[]): Promise<Ending> {
    const { invocationId, json } = ok(await this.client.invoke(this.id, { steps }, {}, { vfsId }));
    const record = await this.client.invocation(this.id, invocationId);
    const results = json === undefined ? undefined : JSON.parse(unbase64(json)).results;
    return { record, results };
  }

  /** As {@link run}; returns the values, and for an error its name. */
  async values(vfsId: string, ...steps: readonly Step[]): Promise<unknown[]> {
    const { results, record } = await this.run(vfsId, ...steps);
    if (results === undefined) throw new Error(record.error);
    return results.map(({ value, error }) => error ?? value);
  }

  /** Starts the steps without waiting for them; returns the id of the invocation. */
  async start(vfsId: string, ...steps: readonly Step[]): Promise<string> {
    const prefer = { prefer: "respond-async" };
    return ok(await this.client.invoke(this.id, { steps }, prefer, { vfsId })).invocationId;
  }
}
