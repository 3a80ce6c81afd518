/** The versions of this installation: what an upgrade changes, and what nodes and databases must agree on. */
import { PROTOCOL } from "../cluster/link/protocol.ts";
import { readBuild, type Versions } from "../shared/build.ts";
import { MIGRATIONS } from "../store/migrations/mod.ts";
import { VERSION } from "../shared/installation.ts";

/** Reads the versions. */
export async function readVersions(): Promise<Versions> {
  const { commit = "unknown" } = await readBuild();
  return {
    version: VERSION,
    commit,
    deno: Deno.version.deno,
    schema: Object.keys(MIGRATIONS).at(-1) ?? "",
    protocol: PROTOCOL,
  };
}
