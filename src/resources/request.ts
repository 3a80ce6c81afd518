/** Requests of the API as its OpenAPI document types them. The document is types alone: no client loads it. */
import type { paths } from "./schema.d.ts";

type Key = "get" | "post" | "put" | "patch" | "delete";
export type Method = Uppercase<Key>;

/** Method and path of an operation, such as `GET /api/v1/functions/{id}`. */
export type Operation = {
  [P in keyof paths]: {
    [K in Key]: paths[P][K] extends object ? `${Uppercase<K>} ${P}` : never;
  }[Key];
}[keyof paths];
type SpecOf<O extends Operation> = O extends `${infer M} ${infer P extends keyof paths}`
  ? paths[P][Lowercase<M> & Key]
  : never;

interface Parameters {
  readonly path?: object;
  readonly query?: object;
  readonly header?: object;
}
type ParametersOf<Spec> = Spec extends { parameters: infer P extends Parameters } ? P : never;
type BodyOf<Spec> = Spec extends { requestBody?: { content: { "application/json": infer B } } } ? B
  : never;
/** Undefined is absent. */
type Optional<T> = T extends readonly unknown[] ? T
  : T extends object ? { readonly [N in keyof T]: Optional<T[N]> | undefined }
  : T;
/** A value of several segments of the path is a list. */
type Segments<T> = { readonly [N in keyof T]: T[N] | readonly T[N][] };

/** What a request sends. */
export type RequestOf<O extends Operation> = SentTo<SpecOf<O>>;
type SentTo<Spec> =
  & { readonly [N in keyof Pick<ParametersOf<Spec>, "path">]: Segments<ParametersOf<Spec>["path"]> }
  & { readonly query?: Optional<ParametersOf<Spec>["query"]> }
  & { readonly header?: Optional<ParametersOf<Spec>["header"]> }
  & { readonly body?: Optional<BodyOf<Spec>> | undefined };

/** The JSON of a successful response. */
export type AnswerOf<O extends Operation> = SpecOf<O> extends
  { responses: { 200: { content: { "application/json": infer Answer } } } } ? Answer : undefined;

/** A request as HTTP has it. */
export interface HttpRequest {
  readonly method: Method;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; undefined without one. */
  readonly body: string | undefined;
}

/** The request of an operation. */
export function httpRequest<O extends Operation>(operation: O, sent: RequestOf<O>): HttpRequest {
  const { path: values = {}, query, header, body } = sent as {
    readonly path?: Readonly<Record<string, string | readonly string[]>>;
    readonly query?: Values;
    readonly header?: Values;
    readonly body?: unknown;
  };
  const [method, path = ""] = operation.split(" ");
  const filled = path.replace(
    /\{(\w+)\}/g,
    (_, name: string) => [values[name] ?? ""].flat().map(encodeURIComponent).join("/"),
  );
  const search = String(new URLSearchParams(givenIn(query)));
  return {
    method: method as Method,
    url: search === "" ? filled : `${filled}?${search}`,
    headers: {
      ...givenIn(header),
      ...body === undefined ? {} : { "Content-Type": "application/json" },
    },
    body: JSON.stringify(body),
  };
}

type Values = Readonly<Record<string, string | number | undefined>>;

/** The values that are given, as text. */
function givenIn(values: Values = {}): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}
