/** Functions with process reuse, and which process answered. */
import assert from "node:assert/strict";
import { type Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";

/** The process that answered, and the number of its invocations, this one included. */
export interface Answered {
  readonly process: string;
  readonly calls: number;
  /** What the body returned. */
  readonly said: Json;
}

/** A module with `top` at its top level, whose `body` runs in each invocation with `input`. */
export function moduleOf(body: string, top = ""): string {
  return `${top}
const born = crypto.randomUUID();
let calls = 0;
// deno-lint-ignore no-explicit-any
const act = async (input: any): Promise<any> => {
  ${body}
};
// deno-lint-ignore no-explicit-any
export default async function main(input: any): Promise<any> {
  calls++;
  const said = (await act(input)) ?? null;
  return { process: born, calls, said };
}
`;
}

/** Changes fields of a function. */
export async function change(
  client: Client,
  id: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  ok(
    await client.post("/api/v1/functions/update", {
      function: { id, ...fields },
      updateMask: Object.keys(fields).join(),
    }),
  );
}

/** Deploys a function with `PROCESS_REUSE_SEQUENTIAL`. */
export async function deployReused(client: Client, source: string): Promise<string> {
  const id = await client.deploy(source);
  await change(client, id, { processReuse: "PROCESS_REUSE_SEQUENTIAL" });
  return id;
}

/** The output of an invocation that must succeed. */
export async function call(
  client: Client,
  id: string,
  input: unknown = {},
  more: Readonly<Record<string, unknown>> = {},
): Promise<Answered> {
  const { invocationId, json } = ok(await client.invoke(id, input, {}, more));
  if (json === undefined) assert.fail((await client.invocation(id, invocationId)).error);
  return JSON.parse(unbase64(json));
}

/** Calls the function up to the first answer of a reused process, and returns that process. */
export async function warm(
  client: Client,
  id: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return await eventually(async () => {
    const { process, calls } = await call(client, id, {}, more);
    return calls > 1 ? process : undefined;
  }, "an invocation in a process that was used before");
}

/** Asserts that the process answers none of several invocations. @param after the event before, for the message */
export async function assertUnused(
  client: Client,
  id: string,
  process: string,
  after: string,
): Promise<void> {
  for (let n = 0; n < 5; n++) {
    assert.notEqual((await call(client, id)).process, process, `used after: ${after}`);
  }
}

/** Log lines of an invocation, without those of the egress proxy. */
export async function logsOf(client: Client, id: string, invocationId: string): Promise<string[]> {
  const path = `/api/v1/functions/${id}/invocations/${invocationId}/logs`;
  const { list } = ok(await client.get(`${path}?page_size=100`));
  return list.filter((line: Json) => line.source !== "egress").map((line: Json) => line.message);
}
