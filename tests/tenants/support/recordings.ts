/** Requests and answers of recordings, without a server. */
import assert from "node:assert/strict";
import {
  type TenantAnswer,
  TenantError,
  type TenantRequest,
  type TenantTransport,
} from "../../../src/tenants/contract.ts";
import { recordingFiles } from "../../../src/tenants/recording/format.ts";
import type { Recorder } from "../../../src/tenants/recording/recorder.ts";
import { ReplayTransport } from "../../../src/tenants/recording/replay.ts";

/** A signal that never aborts. */
export const NEVER = new AbortController().signal;

/** A request of an operation such as `user.list`. */
export function request(name: string, path: string, body?: unknown): TenantRequest {
  const [namespace = "", method = ""] = name.split(".");
  return {
    operation: { namespace, method },
    access: "READ",
    verb: body === undefined ? "GET" : "POST",
    path,
    body: body === undefined ? undefined : JSON.stringify(body),
  };
}

/** A tenant that has these bodies for the requests of a test, and notes the requests. */
export class Bodies implements TenantTransport {
  readonly requests: TenantRequest[] = [];

  constructor(private readonly bodies: unknown[]) {}

  send(sent: TenantRequest): Promise<TenantAnswer> {
    this.requests.push(sent);
    const body = JSON.stringify(this.bodies.shift());
    return Promise.resolve({ status: 200, headers: { "content-type": "application/json" }, body });
  }
}

export async function bodyOf(transport: TenantTransport, sent: TenantRequest): Promise<unknown> {
  return JSON.parse((await transport.send(sent, NEVER)).body);
}

/** Reads what a recorder would write, as a replay does. */
export async function replayOf(recorder: Recorder): Promise<ReplayTransport> {
  return await ReplayTransport.open(recordingFiles(recorder.recording));
}

export async function notRecorded(
  transport: TenantTransport,
  sent: TenantRequest,
): Promise<string> {
  const error = await transport.send(sent, NEVER).then(() => undefined, (thrown) => thrown);
  assert.ok(error instanceof TenantError);
  assert.equal(error.code, "TENANT_NOT_RECORDED");
  return error.message;
}
