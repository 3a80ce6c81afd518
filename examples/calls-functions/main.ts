import { type JSONObject, sdk } from "@c1/functions-sdk";
import { greetAll } from "./greet.ts";

/** The id of the published function with this name. */
async function find(displayName: string): Promise<string> {
  const { functionsSearchResponse } = await sdk.functionsSearch.search({ query: displayName });
  const found = functionsSearchResponse?.list?.find((fn) =>
    fn.displayName === displayName && fn.publishedCommitId
  );
  if (found?.id === undefined) throw new Error(`there is no published function ${displayName}`);
  return found.id;
}

/** Calls a function with an input and gives its output. */
async function call(functionId: string, input: JSONObject): Promise<JSONObject> {
  const { functionsServiceInvokeResponse: answer } = await sdk.functions.invoke({
    functionId,
    functionsServiceInvokeRequest: {
      json: new TextEncoder().encode(JSON.stringify(input)).toBase64(),
    },
  });
  if (answer?.json !== undefined) {
    return JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(answer.json)));
  }
  const { functionsInvocationServiceGetResponse: record } = await sdk.functionsInvocation.get({
    functionId,
    id: answer?.invocationId ?? "",
  });
  throw new Error(`${functionId} failed: ${record?.invocation?.error}`);
}

/** Has the function `hello` greet everybody in `names`, at the same time. */
export default async function main(input: { names?: string[] }): Promise<JSONObject> {
  return { greetings: await greetAll(input.names ?? ["Ada", "Grace"], { find, call }) };
}
