import type { JSONObject } from "./json.ts";

/**
 * The default export of `main.ts`. `export default main satisfies Handler` lets an editor show a wrong type while you
 * type.
 */
export type Handler = (input: JSONObject) => JSONObject | Promise<JSONObject>;
