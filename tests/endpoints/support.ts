/** Functions with `fetch`, and requests to their previews. */
import { connect } from "node:net";
import type { Answer, Client, Files, Json } from "../support/client.ts";

/** A function whose newest commit is served at `path` below the server. */
export interface Preview {
  readonly functionId: string;
  readonly commitId: string;
  /** Without a slash at its end. */
  readonly path: string;
}

/** Creates a function with a commit. */
export async function preview(client: Client, main: string, files: Files = {}): Promise<Preview> {
  const created = await client.createFunction("endpoint", { "main.ts": main, ...files });
  const [functionId, commitId] = [created.function.id, created.commit.id];
  return { functionId, commitId, path: `/preview/${functionId}/${commitId}` };
}

/** Sends a request to a preview as its client. */
export async function send(
  client: Client,
  { path }: Pick<Preview, "path">,
  rest = "/",
  init: RequestInit & { readonly duplex?: "half" } = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  if (!headers.has("authorization")) headers.set("authorization", `Bearer ${client.token}`);
  return await fetch(client.url + path + rest, { ...init, headers, redirect: "manual" });
}

/** Writes text on a connection of its own, and reads until the server closes it. */
export async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setEncoding("latin1");
  let read = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("data", (chunk: string) => read += chunk);
  socket.on("close", () => resolve());
  socket.on("error", () => resolve());
  socket.write(text, "latin1");
  await promise;
  return read;
}

/** An answer of the server itself, for the checks of `tests/support/expect.ts`. */
export async function answerOf(response: Response): Promise<Answer<Json>> {
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** The record of the invocation that sent a response, once it has ended. */
export async function recordOf(
  client: Client,
  { functionId }: Pick<Preview, "functionId">,
  response: Response,
): Promise<Json> {
  return await client.ended(functionId, response.headers.get("invocation-id") ?? "");
}

/** Resident memory of a process, in bytes. */
export async function readRss(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}
