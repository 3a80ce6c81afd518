import type { JSONObject } from "@c1/functions-sdk";

export default function main(input: JSONObject): JSONObject {
  return { input };
}
