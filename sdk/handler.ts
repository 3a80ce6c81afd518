import type { JSONObject } from "./json.ts";

/** What a function learns of its call. An addition of this server. */
export interface CallContext {
  readonly invocationId: string;
  readonly functionId: string;
  readonly commitId: string;
  /** 1, and one more each time that an asynchronous call starts again, see `--max-attempts`. */
  readonly attempt: number;
  /** What started it, and its id: of a trigger, or of the invocation that a replay or a destination follows. */
  readonly trigger: {
    readonly kind: "api" | "schedule" | "webhook" | "http" | "destination" | "replay";
    readonly id?: string;
  };
  /** Address of the client that sent the request it answers. */
  readonly remoteAddress?: string;
}

/**
 * The default export of `main.ts`. `export default main satisfies Handler` lets an editor show a wrong type while you
 * type.
 */
export type Handler = (
  input: JSONObject,
  context: CallContext,
) => JSONObject | Promise<JSONObject>;
