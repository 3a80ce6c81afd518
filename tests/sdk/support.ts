/** Functions that use the SDK, and what they gave. */
import assert from "node:assert/strict";
import { type Client, type Json, unbase64 } from "../support/client.ts";
import { ok } from "../support/expect.ts";

/** Deploys a function with these roles. `body` is that of `main(input)`; it has the SDK and the helpers below. */
export async function deployWithSdk(
  client: Client,
  body: string,
  scopedRoleIds: readonly string[] = [],
): Promise<string> {
  const id = await client.deploy(`import { functions, sdk, SDKError } from "@c1/functions-sdk";
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).toBase64();
const decode = (json: string) => JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(json)));
/** Invokes a function; returns the output, or undefined without one. */
const invoke = async (functionId: string, input: unknown = {}) => {
  const { functionsServiceInvokeResponse: answer } = await sdk.functions.invoke({
    functionId,
    functionsServiceInvokeRequest: { json: encode(input) },
  });
  return { id: answer?.invocationId, output: answer?.json === undefined ? undefined : decode(answer.json) };
};
/** What a call throws, as plain data. */
const settle = async (call: () => unknown) => {
  try {
    return { value: await call() };
  } catch (error) {
    const { name, message, statusCode, body } = error;
    const known = error instanceof SDKError;
    return { name, message, statusCode, known, reason: JSON.parse(body ?? "{}").details?.at(-1)?.reason };
  }
};
// deno-lint-ignore no-explicit-any
export default async function main(input: any): Promise<any> {
  ${body}
}
// What a body leaves out is still there for the others.
export const unused = [functions, encode, decode, invoke, settle];
`);
  if (scopedRoleIds.length > 0) await setRoles(client, id, scopedRoleIds);
  return id;
}

export async function setRoles(client: Client, id: string, scopedRoleIds: readonly string[]) {
  ok(await client.update(id, { scopedRoleIds }, "scopedRoleIds"));
}

/** Invokes; fails with the invocation's error where it did not succeed. */
export async function outputOf(
  client: Client,
  id: string,
  input: unknown = {},
  more: Json = {},
): Promise<Json> {
  return (await outcomeOf(client, id, input, more)).output;
}

/** Invokes; the id and the output of what must succeed. */
export async function outcomeOf(
  client: Client,
  id: string,
  input: unknown = {},
  more: Json = {},
): Promise<{ readonly id: string; readonly output: Json }> {
  const body = ok(await client.invoke(id, input, {}, more));
  if (body.json === undefined) {
    assert.fail((await client.invocation(id, body.invocationId)).error);
  }
  return { id: body.invocationId, output: JSON.parse(unbase64(body.json)) };
}

/** The invocations that this one made, of whichever functions, oldest first. */
export async function childrenOf(client: Client, parentInvocationId: string): Promise<Json[]> {
  const { list } = ok(
    await client.post("/api/v1/functions/-/invocations/search", {
      parentInvocationId,
      pageSize: 100,
    }),
  );
  return list.reverse();
}
