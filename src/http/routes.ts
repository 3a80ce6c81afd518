import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { Env } from "./env.ts";

/** Templates by paths in Hono's syntax: `/a/:b{[^/]+}` is `/a/{b}`; undefined for a path of several routes. */
const templates = new Map<string, string | undefined>();

/**
 * Template of the path of an answered request, whether or not its caller was authorized; undefined for a path without a
 * route, such as that of a file of the console.
 */
export function routeOf(c: Context<Env>): string | undefined {
  const own = c.get("route");
  if (own !== undefined) return own;
  const routes = matchedRoutes(c);
  for (let at = routes.length - 1; at >= 0; at--) {
    const path = routes[at]?.path ?? "";
    if (!templates.has(path)) templates.set(path, templateOf(path));
    const template = templates.get(path);
    if (template !== undefined) return template;
  }
  return undefined;
}

function templateOf(path: string): string | undefined {
  const template = path.replace(/:(\w+)(?:\{[^}]*\})?/g, "{$1}");
  return template.includes("*") ? undefined : template;
}
