/** The operation of one method of `sdk`. */
export interface OperationSpec {
  /** Id of the operation, as in the server's OpenAPI document. */
  readonly id: string;
  /** Fields of the request that become path parameters. Fields of neither path nor body become parameters of the query. */
  readonly path?: readonly string[];
  /** The field of the request that is the body; `true` for the whole request. */
  readonly body?: string | true;
  /** The field of the result that is the message. */
  readonly response: string;
  /** Fields of the message, and the names under which C1's SDK has them. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Paths of objects in the message whose times become a `Date`, with spaces between; `*` is each member. */
  readonly dated?: string;
  /** Whether the result is also an iterable of pages. */
  readonly isPaged?: boolean;
  /** Whether C1 has the method, too: the tenant answers it where the function has one. */
  readonly isOfTenant?: boolean;
}

/** An operation for each method, whose response has the name of the method's type. */
export type SpecsOf<Namespace> = {
  readonly [Method in keyof Namespace]: OperationSpec & {
    readonly response: MessageOf<Namespace[Method]>;
  };
};
type MessageOf<Method> = Method extends (...request: never[]) => Promise<infer Answer>
  ? Exclude<keyof Answer, "contentType" | "statusCode" | "rawResponse" | "next" | symbol>
  : never;
