/** What a user would run the function with instead. */
import { join } from "node:path";
import { eventually } from "../tests/support/eventually.ts";
import type { Context } from "./context.ts";
import { HttpClient } from "./http_client.ts";
import type { Call } from "./load.ts";
import { checkAnswer, type Workload } from "./workload.ts";

export interface Contender {
  readonly name: string;
  readonly call: Call;
}

/** The name of the baseline. */
export const BARE = "deno run";
export const FRAMEWORK = "functions-framework";

/** Arguments longer than this are rejected by Linux. */
const ARGUMENT_BYTES_MAX = 128 * 1024 - 1;

/** Pinned, so that two runs compare the same peers. */
const PEERS = { "@google-cloud/functions-framework": "5.0.5", workerd: "1.20261117.1" } as const;

/**
 * `deno run`, from its spawn to its exit, as a script around the function would do it. The input is an argument, or,
 * where it is too long for one, comes on stdin.
 */
export async function bareDenoRun(context: Context, workload: Workload): Promise<Contender> {
  const directory = await Deno.makeTempDir({ dir: context.directory, prefix: "bare-" });
  await Deno.writeTextFile(join(directory, "main.js"), workload.source);
  const runner = join(directory, "run.js");
  await Deno.writeTextFile(runner, RUNNER);
  const input = new TextEncoder().encode(workload.input);
  const isArgument = input.length <= ARGUMENT_BYTES_MAX;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-config", runner].concat(
      isArgument ? [workload.input] : [],
    ),
    stdin: isArgument ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const call = async () => {
    const process = command.spawn();
    if (!isArgument) await new Blob([input]).stream().pipeTo(process.stdin);
    const { success, stdout, stderr } = await process.output();
    if (!success) throw new Error(`deno run failed: ${new TextDecoder().decode(stderr)}`);
    checkAnswer(BARE, new TextDecoder().decode(stdout), workload);
  };
  return { name: BARE, call };
}

const RUNNER = `import main from "./main.js";
function readInput() {
  const chunks = [];
  const chunk = new Uint8Array(1 << 16);
  for (let n; (n = Deno.stdin.readSync(chunk)) !== null;) chunks.push(chunk.slice(0, n));
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of chunks) { bytes.set(part, at); at += part.length; }
  return new TextDecoder().decode(bytes);
}
const output = await main(JSON.parse(Deno.args[0] ?? readInput()));
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(output)));
`;

/** A contender that is a server of its own. */
export interface Peer extends Contender, AsyncDisposable {}

/** functions-framework on Node.js: one process that answers all requests, its state kept between them. */
export async function functionsFramework(context: Context, workload: Workload): Promise<Peer> {
  const modules = await installPeers(context);
  const directory = await Deno.makeTempDir({ dir: context.directory, prefix: "framework-" });
  await Deno.writeTextFile(join(directory, "function.mjs"), workload.source);
  await Deno.writeTextFile(join(directory, "package.json"), '{"type":"module","main":"index.mjs"}');
  await Deno.writeTextFile(
    join(directory, "index.mjs"),
    'import main from "./function.mjs";\n' +
      "export const entry = async (request, response) => response.json(await main(request.body));\n",
  );
  const program = join(modules, "@google-cloud/functions-framework/build/src/main.js");
  const port = freePort();
  return await serve(FRAMEWORK, workload, port, {
    program: "node",
    args: [program, `--source=${directory}`, "--target=entry", `--port=${port}`],
  });
}

export const DENO_SERVE = "deno serve";

/** `deno serve`: one process that answers all requests, its state kept between them. */
export async function denoServe(context: Context, workload: Workload): Promise<Peer> {
  const directory = await Deno.makeTempDir({ dir: context.directory, prefix: "serve-" });
  const main = join(directory, "main.js");
  await Deno.writeTextFile(main, workload.source);
  const port = freePort();
  return await serve(DENO_SERVE, workload, port, {
    program: Deno.execPath(),
    args: ["serve", "--quiet", "--no-prompt", "--no-config"]
      .concat("--host", "127.0.0.1", "--port", `${port}`, main),
  });
}

/** Calls the default export with the JSON of a request. */
const JSON_ENTRY = 'import main from "function.js"; export default { async fetch(request) { ' +
  "return Response.json(await main(await request.json())); } };";

/**
 * workerd with a fresh isolate for each request, by its Worker Loader.
 * @param entry the module that answers a request by the one of the workload
 */
export async function workerdFresh(
  context: Context,
  workload: Workload,
  entry = JSON_ENTRY,
): Promise<Peer> {
  const modules = await installPeers(context);
  const directory = await Deno.makeTempDir({ dir: context.directory, prefix: "workerd-" });
  const files = {
    "function.js": workload.source,
    "parent.js": parentWith(entry),
    "config.capnp": CONFIG,
  };
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(join(directory, name), content);
  }
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "64";
  const program = join(modules, `@cloudflare/workerd-${Deno.build.os}-${arch}/bin/workerd`);
  const port = freePort();
  return await serve("workerd, fresh isolate", workload, port, {
    program,
    args: [
      ...["serve", "--experimental", `--socket-addr=http=127.0.0.1:${port}`],
      join(directory, "config.capnp"),
    ],
  });
}

const parentWith = (entry: string) =>
  `import source from "function.txt";
const entry = ${JSON.stringify(entry)};
const code = {
  compatibilityDate: "2025-06-01",
  mainModule: "entry.js",
  modules: { "entry.js": entry, "function.js": source },
  globalOutbound: null,
};
export default {
  fetch: (request, env) => env.LOADER.load(code).getEntrypoint().fetch(request),
};
`;

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    compatibilityDate = "2025-06-01",
    modules = [
      (name = "parent.js", esModule = embed "parent.js"),
      (name = "function.txt", text = embed "function.js"),
    ],
    bindings = [(name = "LOADER", workerLoader = ())],
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

/** Installs the peers where they are not yet; answers the folder of their packages. */
async function installPeers({ cacheDirectory, progress }: Context): Promise<string> {
  const manifest = JSON.stringify({ private: true, dependencies: PEERS });
  const directory = join(cacheDirectory, "peers");
  const stamp = join(directory, "installed.json");
  const modules = join(directory, "node_modules");
  if (await Deno.readTextFile(stamp).catch(() => "") === manifest) return modules;
  progress(`installing ${Object.keys(PEERS).join(" and ")} into ${directory}`);
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(join(directory, "package.json"), manifest);
  const install = new Deno.Command("npm", {
    args: ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"],
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await install.output();
  if (!success) throw new Error(`npm install failed: ${new TextDecoder().decode(stderr)}`);
  await Deno.writeTextFile(stamp, manifest);
  return modules;
}

/** A port that nobody listened on a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a server and waits until it answers right. */
async function serve(
  name: string,
  workload: Workload,
  port: number,
  { program, args }: { readonly program: string; readonly args: readonly string[] },
): Promise<Peer> {
  const process = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const client = new HttpClient(`http://127.0.0.1:${port}`);
  const call = async () => {
    checkAnswer(name, (await client.post("/", "", workload.input)).body, workload);
  };
  const stop = async () => {
    client[Symbol.dispose]();
    process.kill("SIGKILL");
    await process.status;
  };
  try {
    await eventually(async () => await isListening(port) || undefined, `${name} to listen`);
    await call();
  } catch (error) {
    await stop();
    throw error;
  }
  return { name, call, [Symbol.asyncDispose]: stop };
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
