import { type JSONObject, sdk } from "@c1/functions-sdk";
import { mapSome } from "./map.ts";

const AT_A_TIME = 4;

/** Calls the function with this id for each input. Input: `{ functionId, inputs: [...] }`. */
export default async function main(
  input: { functionId?: string; inputs?: JSONObject[] },
): Promise<JSONObject> {
  const { functionId, inputs = [] } = input;
  if (functionId === undefined) throw new TypeError("functionId is missing");
  return { outputs: await mapSome(inputs, AT_A_TIME, (item) => call(functionId, item)) };
}

async function call(functionId: string, input: JSONObject): Promise<JSONObject> {
  const { functionsServiceInvokeResponse: answer } = await sdk.functions.invoke({
    functionId,
    functionsServiceInvokeRequest: {
      json: new TextEncoder().encode(JSON.stringify(input)).toBase64(),
    },
  });
  if (answer?.json === undefined) throw new Error(`Invocation ${answer?.invocationId} failed`);
  return JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(answer.json)));
}
