/** What requests and results of the methods of `sdk` have in common. */
import type * as api from "./api_types.ts";

/** The result of a method of `sdk`. */
export type Answered<Name extends string, Message> = Promise<api.Answer<Name, Message>>;
/** The result of a method of `sdk` that is the first page and an iterable of all pages, as in C1's SDK. */
export type Paged<Name extends string, Message> = Promise<Pages<api.Answer<Name, Message>>>;
export type Pages<Page> = Page & AsyncIterable<Page> & {
  /** Requests the next page; null on the last page. */
  next(): Promise<Pages<Page>> | null;
};
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
