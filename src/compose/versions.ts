/** The versions of this installation: what an upgrade changes, and what nodes and databases must agree on. */
import { PROTOCOL } from "../cluster/link/protocol.ts";
import { readCommit, type Versions } from "../shared/build.ts";
import { MIGRATIONS } from "../store/migrations/mod.ts";
import { VERSION } from "../shared/installation.ts";

/** Reads the versions. */
export async function readVersions(): Promise<Versions> {
  return {
    version: VERSION,
    commit: await readCommit(),
    deno: Deno.version.deno,
    schema: Object.keys(MIGRATIONS).at(-1) ?? "",
    protocol: PROTOCOL,
  };
}
