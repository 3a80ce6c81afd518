import { type JSONObject, sdk } from "@c1/functions-sdk";
import { countWords } from "./report.ts";

const DAY = 24 * 60 * 60 * 1000;

/** Counts the failed invocations of the last day by error code. */
export default async function main(): Promise<JSONObject> {
  const { invocationSearchResponse } = await sdk.invocations.search({
    status: "FUNCTION_INVOCATION_STATUS_ERROR",
    since: new Date(Date.now() - DAY).toISOString(),
  });
  const errors = invocationSearchResponse?.list?.map(({ error }) => error ?? "") ?? [];
  const words = countWords(errors);
  console.log(`${errors.length} invocations failed since yesterday`);
  return { failed: errors.length, words };
}
