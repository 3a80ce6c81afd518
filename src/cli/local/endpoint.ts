import type { Manifest } from "../folder/manifest.ts";
import type { DeclaredTriggers } from "../folder/triggers.ts";

const SLUG_CHARS_MAX = 63;
/** Of the endpoint of a folder that declares none. */
const TRIGGER_NAME = "local endpoint";

/** The triggers of a folder on a local server: with an open endpoint for its `fetch`, unless it declares one. */
export function localTriggers({ name, triggers = {} }: Manifest): DeclaredTriggers {
  if (Object.values(triggers).some(({ http }) => http !== undefined)) return triggers;
  return {
    ...triggers,
    [TRIGGER_NAME]: { http: { slug: slugOf(name), auth: "ENDPOINT_AUTH_OPEN" } },
  };
}

/** The URLs at which a local server passes requests to the function of a folder. */
export function endpointUrls(server: string, manifest: Manifest): string[] {
  return Object.values(localTriggers(manifest)).flatMap(({ http }) =>
    http === undefined ? [] : [`${server}/run/${String(http["slug"])}/`]
  );
}

function slugOf(name: string): string {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, SLUG_CHARS_MAX);
  return slug.replace(/^-|-$/g, "") || "function";
}
