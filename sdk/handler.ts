import type { JSONObject } from "./json.ts";

/** What a function learns of its call. An addition of this server. */
export interface CallContext {
  readonly invocationId: string;
  readonly functionId: string;
  readonly commitId: string;
  /** 1, and one more each time that an asynchronous call starts again, see `--max-attempts`. */
  readonly attempt: number;
}

/**
 * The default export of `main.ts`. `export default main satisfies Handler` lets an editor show a wrong type while you
 * type.
 */
export type Handler = (
  input: JSONObject,
  context: CallContext,
) => JSONObject | Promise<JSONObject>;
