/** Requests to both routes of the operation `Invoke`, and what their answers have in common. */
import assert from "node:assert/strict";
import { boundToken, newProofs } from "../identity/proofs.ts";
import { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { exchange } from "./raw.ts";

/** A query, even an empty one, is for the app. */
const QUERIES = { short: "", app: "?" } as const;
export type Route = keyof typeof QUERIES;

/** What the requests are made of. */
export interface Setting {
  readonly token: string;
  /** May not invoke. */
  readonly viewer: string;
  /** Bound to the key of the proofs. */
  readonly boundToken: string;
  /** A new proof of a request to invoke the function, or another operation. */
  readonly prove: (operation?: string) => Promise<string>;
  readonly url: string;
  readonly functionId: string;
  readonly volumeId: string;
}

/** A request; its answer depends on nothing but the setting. */
export interface Sent {
  readonly functionId?: string;
  /** Lines; without an `Authorization` the token is added, unless there is a cookie. */
  readonly headers?: readonly string[];
  readonly host?: string;
  readonly body?: unknown;
  /** The body as it goes over the wire, with the headers that frame the body. */
  readonly framed?: readonly string[];
  readonly version?: string;
  /** What the answer must hold, in either route. */
  readonly shows: RegExp;
}

export type Requests = Readonly<Record<string, (setting: Setting) => Sent | Promise<Sent>>>;

const FUNCTION = `export default ({ fail, bytes = 0, ...input }) => {
  if (fail) throw new Error("it fails");
  return bytes > 0 ? { text: "é".repeat(bytes / 2) } : { input };
};`;

export function invokePath(functionId: string): string {
  return `/api/v1/functions/${functionId}/invoke`;
}

/** The bytes of a request, in the parts in which they are sent. */
export function partsOf(name: string, route: Route, sent: Sent, setting: Setting): string[] {
  const { functionId = setting.functionId, headers = [], host = "localhost", version = "1.1" } =
    sent;
  const hasSender = headers.some((line) => /^(?:authorization|cookie|x):/i.test(line));
  const body = sent.body === undefined ? "{}" : JSON.stringify(sent.body);
  const [framing = "", ...rest] = sent.framed ?? [`Content-Length: ${body.length}\r\n\r\n`, body];
  const lines = [
    `POST ${invokePath(functionId)}${QUERIES[route]} HTTP/${version}`,
    `Host: ${host}`,
    `Request-Id: ${idOf(name, route)}`,
    "Content-Type: application/json",
    ...hasSender ? [] : [`Authorization: Bearer ${setting.token}`],
    ...headers,
  ];
  const parts = [`${lines.join("\r\n")}\r\n${framing}`, ...rest];
  // At once, because the answer to a request that is rejected says whether its body has arrived.
  return parts.join("").length < SMALL_CHARS ? [parts.join("")] : parts;
}

/** A request of this size arrives in one read. */
const SMALL_CHARS = 8192;

export function idOf(name: string, route: Route): string {
  return `${name.replaceAll(/[^\w]/g, "-")}.${route}`;
}

/** An answer whose body has the length that its headers say; an answer 100 may come before. */
const ANSWER =
  /^(?:HTTP\/1\.1 100 [^\r]*\r\n\r\n)?HTTP\/1\.1 [2-5][^]*?\r\ncontent-length: (\d+)(?=\r\n)[^]*?\r\n\r\n([^]*)$/i;

async function send(url: string, parts: readonly string[]): Promise<string> {
  const isWhole = {
    test(text: string) {
      const [, length, body = ""] = ANSWER.exec(text) ?? [];
      return length !== undefined && body.length >= Number(length);
    },
  } as RegExp;
  return (await exchange(url, parts, isWhole)).text;
}

/** An answer without what differs between two answers of one route. */
function comparable(text: string, route: Route): unknown {
  const parts = text.split("\r\n\r\n");
  const body = parts.pop() ?? "";
  const headers = parts.map((head) =>
    head.toLowerCase().replace(/status_(?:pending|running)/, "status_under_way")
      .split("\r\n").filter((line) => !/^date:/.test(line)).toSorted()
  );
  return JSON.parse(
    JSON.stringify([headers, body]).replaceAll(`.${route}`, ""),
    (key, value) =>
      key === "1" && typeof value === "string"
        ? value.replace(/"invocationId":"\w+"/, '"invocationId":""')
        : value,
  );
}

export async function settingOf(client: Client): Promise<Setting> {
  const functionId = await client.deploy(FUNCTION);
  const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: "routes" }));
  const attach = { function: { id: functionId, volumeIds: [volume.id] }, updateMask: "volumeIds" };
  await client.post("/api/v1/functions/update", attach);
  const { clientId, clientSecret } = await credentialsOf(client, "viewer");
  const viewer = await Client.login(client.url, clientId, clientSecret);
  const [token, viewerToken] = [client.token ?? "", viewer.token ?? ""];
  return {
    token,
    viewer: viewerToken,
    ...await boundSetting(client, functionId),
    url: client.url,
    functionId,
    volumeId: volume.id,
  };
}

/** Credentials of a new principal that has the system's role of this name. */
async function credentialsOf(client: Client, role: "viewer" | "owner") {
  const principals = "/api/v1/service_principals";
  const { servicePrincipal: { id } } = ok(await client.post(principals, { displayName: role }));
  ok(await client.post(`${principals}/${id}/roles`, { roleIds: [`system:${role}`] }));
  const made = ok(await client.post(`${principals}/${id}/credentials`, { displayName: role }));
  const { credential: { clientId }, clientSecret } = made;
  return { clientId, clientSecret };
}

/** A token of a principal that may invoke, and proofs of its key. */
async function boundSetting(client: Client, functionId: string) {
  const proofs = await newProofs();
  const token = await boundToken(client.url, await credentialsOf(client, "owner"), proofs);
  return {
    boundToken: token,
    prove: (operation = "invoke") =>
      proofs.prove(
        "POST",
        `${client.url}/api/v1/functions/${functionId}/${operation}`,
        token,
      ),
  };
}

/** Sends a request to both routes. @throws AssertionError if they answer differently */
export async function assertAlike(name: string, request: Requests[string], setting: Setting) {
  const answers = { short: "", app: "" };
  for (const route of ["short", "app"] as const) {
    const sent = await request(setting);
    answers[route] = await send(setting.url, partsOf(name, route, sent, setting));
    assert.match(answers[route], sent.shows, route);
  }
  assert.deepEqual(comparable(answers.short, "short"), comparable(answers.app, "app"));
  return answers;
}
