/** Shared by the tests of the egress proxy: hosts on loopback, and functions that connect to them. */
import { join } from "node:path";
import type { Client, Json } from "../support/client.ts";
import { HttpHost } from "../support/http_host.ts";
import { makeTempDir } from "../support/invoked.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { type ServerOptions, TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { CA, CERT, KEY } from "./certificates.ts";

export { LOOPBACK };

/** A host on loopback that reports what it received. */
export class Host extends HttpHost {
  /** Method and URL of every request. */
  readonly seen: string[] = [];

  constructor(options: { readonly tls?: boolean; readonly hostname?: string } = {}) {
    const { tls, ...listen } = options;
    super({ ...listen, ...tls && { tls: { cert: CERT, key: KEY } } });
  }

  protected override async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    this.seen.push(`${request.method} ${url.pathname}`);
    if (url.pathname === "/ws") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
      return response;
    }
    if (url.pathname === "/redirect") {
      return new Response(null, {
        status: 302,
        headers: { location: url.searchParams.get("to") ?? "" },
      });
    }
    if (url.pathname === "/slow") {
      await new Promise((resolve) => setTimeout(resolve, Number(url.searchParams.get("ms"))));
    }
    const bytes = (await request.bytes()).length;
    if (url.pathname === "/big") {
      return new Response(new Uint8Array(Number(url.searchParams.get("bytes"))));
    }
    return Response.json({ bytes, headers: Object.fromEntries(request.headers) });
  }
}

/** A server with the certificate authority of the tests. By default loopback is allowed. */
export async function openServer(
  flags: readonly string[] = LOOPBACK,
  options: ServerOptions = {},
): Promise<AsyncDisposable & { readonly api: Client; readonly server: TestServer }> {
  await using opened = new AsyncDisposableStack();
  const directory = opened.use(await makeTempDir());
  const caFile = join(directory.path, "ca.pem");
  await Deno.writeTextFile(caFile, CA);
  const server = opened.use(
    await TestServer.start({ ...options, flags: ["--egress-ca", caFile, ...flags] }),
  );
  const api = await server.client();
  const all = opened.move();
  return { api, server, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Registers a test whose steps use a server that files share: the one where loopback is allowed, or the default one. */
export function egressSuite(
  name: string,
  server: "egress" | "server",
  steps: Readonly<Record<string, (api: Client) => Promise<void>>>,
): void {
  Deno.test(name, async (t) => {
    const api = await (await sharedServer(server)).client();
    for (const [step, body] of Object.entries(steps)) await t.step(step, () => body(api));
  });
}

export interface Called {
  /** The output, or `{ error }` of a failed invocation. */
  readonly output: Json;
  /** Its log lines with source `egress`. */
  readonly egress: readonly string[];
}

/** Deploys a function whose `main` has this body, with `input`, and this allowlist. */
export async function deploy(
  api: Client,
  body: string,
  allowlist: readonly string[],
): Promise<string> {
  const id = await api.deploy(
    `${HELPERS}\nexport default async function main(input: any): Promise<any> {\n${body}\n}`,
  );
  await allow(api, id, allowlist);
  return id;
}

/** Sets the allowlist. */
export async function allow(api: Client, id: string, allowlist: readonly string[]): Promise<void> {
  const { status, body } = await api.post("/api/v1/functions/update", {
    function: { id, outboundNetworkAllowlist: allowlist },
    updateMask: "outboundNetworkAllowlist",
  });
  if (status !== 200) throw new Error(`Cannot update: ${JSON.stringify(body)}`);
}

/** Calls a function and reads the log lines of the proxy. */
export async function call(api: Client, id: string, input: unknown = {}): Promise<Called> {
  const answer = await api.invoke(id, input);
  if (answer.status !== 200) throw new Error(`Cannot invoke: ${JSON.stringify(answer.body)}`);
  const invocation = await api.invocation(id, answer.body.invocationId);
  const logs = await api.get(`/api/v1/functions/${id}/invocations/${invocation.id}/logs`);
  return {
    output: invocation.output ?? { error: invocation.error },
    egress: logs.body.list.filter((log: Json) => log.source === "egress")
      .map((log: Json) => log.message),
  };
}

/** One invocation of a function with this body. */
export async function once(
  api: Client,
  body: string,
  allowlist: readonly string[],
  input: unknown = {},
): Promise<Called> {
  return await call(api, await deploy(api, body, allowlist), input);
}

/** Clients for functions: each returns a status and a text, or throws. */
const HELPERS = `
import http from "node:http";
import https from "node:https";
import net from "node:net";
const globals: any = globalThis;
function request(url: string, options: any = {}, body?: any): Promise<any> {
  return new Promise((resolve, reject) => {
    const { request } = url.startsWith("https:") ? https : http;
    request(url, options, (response: any) => {
      let text = "";
      response.on("data", (chunk: any) => text += chunk);
      response.on("end", () => resolve({ status: response.statusCode, text }));
      response.on("error", reject);
    }).on("error", reject).end(body);
  });
}
function socket(url: string): Promise<any> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => resolve({ said: data });
    socket.onerror = () => reject(new Error("the WebSocket failed"));
  });
}
/** Sends these bytes to the proxy and reads its response until it closes, for one second at most. */
function raw(target: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: target.split(":")[0], port: Number(target.split(":")[1]) });
    let said = "";
    socket.on("connect", () => socket.write(text));
    socket.on("data", (chunk: any) => said += chunk);
    socket.on("close", () => resolve(said));
    socket.on("error", reject);
    setTimeout(() => resolve(said), 1000);
  });
}
async function outcome(attempt: () => Promise<any>): Promise<any> {
  try {
    return await attempt();
  } catch (error: any) {
    return { failed: error.cause?.code ?? error.code ?? error.message, why: error.cause?.message ?? error.message };
  }
}
const tools = { globals, request, socket, raw, outcome, net };
`;
