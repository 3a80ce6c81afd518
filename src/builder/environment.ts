/** What every compiler process gets: its environment variables and its writable directories. */
import type { Workspace } from "./workspace.ts";

/** A proxy that does not exist makes every request fail: Deno then contacts no host. */
const NO_PROXY = "/nowhere";

/** The whole environment of a compiler process. */
export function environmentOf(
  { deno, home }: Workspace,
  proxySocket = NO_PROXY,
): Record<string, string> {
  return {
    DENO_DIR: deno,
    HOME: home,
    TMPDIR: home,
    NO_COLOR: "1",
    DENO_NO_PACKAGE_JSON: "1",
    DENO_NO_UPDATE_CHECK: "1",
    HTTP_PROXY: `unix:${proxySocket}`,
    HTTPS_PROXY: `unix:${proxySocket}`,
  };
}

/** The directories that a compiler process may write to. */
export function writableOf({ root, downloads }: Workspace): readonly string[] {
  return [root, ...downloads];
}
