/** What requests and results of the methods of `sdk` have in common. */
import type * as api from "./api_types.ts";

/** The result of a method of `sdk`. */
export type Answered<Name extends string, Message> = Promise<api.Answer<Name, Message>>;
/** A message without fields. */
export type Nothing = Record<string, never>;

/** Names one function. */
export interface OfFunction {
  functionId: string;
}

/** Names an object of a function. */
export interface InFunction extends OfFunction {
  id: string;
}

/** Names a commit of a function. */
export interface OfCommit extends OfFunction {
  commitId: string;
}
