/** Requests whose rights change while their body is on its way. */
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../support/client.ts";

/** The server checks the credential again after bodies that take longer than a second. */
const SLOW_MS = 2000;

interface SlowRequest {
  /** Method and path. */
  readonly request?: string;
  /** JSON, unless the request is a PUT. */
  readonly body?: string;
  /** How long the last byte waits before `meanwhile`. */
  readonly pauseMs?: number;
}

/** Sends a body whose last byte follows after `meanwhile`; answers all that the server sends. */
export async function slowly(
  client: Client,
  meanwhile: () => Promise<unknown>,
  {
    request = "POST /api/v1/functions",
    body = JSON.stringify({ displayName: "slow" }),
    pauseMs = SLOW_MS,
  }: SlowRequest = {},
): Promise<string> {
  const { hostname, port } = new URL(client.url);
  const socket = connect({ host: hostname, port: Number(port) });
  const head = [
    `${request} HTTP/1.1`,
    `Host: ${hostname}:${port}`,
    `Authorization: Bearer ${client.token}`,
    `Content-Type: application/${request.startsWith("PUT") ? "octet-stream" : "json"}`,
    `Content-Length: ${body.length}`,
    "Expect: 100-continue",
    "Connection: close",
  ];
  let read = "";
  const { promise: accepted, resolve: accept } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  socket.on("data", (chunk) => {
    read += chunk;
    accept();
  });
  socket.on("error", () => close());
  socket.on("close", () => close());
  socket.write(`${head.join("\r\n")}\r\n\r\n${body.slice(0, -1)}`);
  await accepted;
  await delay(pauseMs);
  await meanwhile();
  socket.write(body.slice(-1));
  await closed;
  return read;
}
