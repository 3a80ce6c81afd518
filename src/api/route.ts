/** Method, path and parameters of an operation. */
import { z } from "@hono/zod-openapi";

/** Method of HTTP, as OpenAPI writes it. */
export type Method = "get" | "post" | "put" | "patch" | "delete";

/** Method and path, with `{name}` for parameters: as clients write the request of an operation. */
export type Route = `${Uppercase<Method>} /${string}`;

type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

/** The parameters in the path of a route. */
export type Params<T extends Route> = { readonly [Name in NamesIn<T>]: string };

/**
 * The slashes that the value of a path parameter may have, plain or as `%2F`: the slashes of `refs/tags/<name>`, or the
 * slash before the `wfe` of a trust's client id, which C1's Go SDK sends plain; or any slash in the rest of the path.
 */
export type Slashes = "commit-reference" | "trust" | "any";

/** The schema of the parameters in a path. */
export function paramsOf(
  path: string,
  slashes: Readonly<Record<string, Slashes>> = {},
): z.ZodObject | undefined {
  const names = [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []);
  if (names.length === 0) return undefined;
  const schemaOf = (name: string) =>
    slashes[name] === "any" ? z.string().openapi({ description: "May have slashes" }) : z.string();
  return z.object(Object.fromEntries(names.map((name) => [name, schemaOf(name)])));
}
