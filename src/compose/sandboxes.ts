/** Builds the sandboxes from Config. */
import type { Config } from "../config/mod.ts";
import type { DomainParts } from "./parts.ts";
import {
  createSandboxes,
  type EgressOptions,
  publicGet,
  publicPost,
  type Sandboxes,
} from "../sandbox/mod.ts";
import { readCertificates } from "./setting_files.ts";

/** @param cacheDir a directory that nothing else uses */
export async function openSandboxes(config: Config, cacheDir: string): Promise<Sandboxes> {
  const { invocations, sandbox, reuse } = config;
  return createSandboxes(
    { ...invocations, outputBytes: invocations.maxOutputBytes, logBytes: invocations.maxLogBytes },
    { ...sandbox, cacheDir, egress: await egressOptions(config), reuse },
  );
}

/** Requests of the server itself, to where functions may connect. */
export async function publicRequests(
  config: Config,
): Promise<Pick<DomainParts, "publicGet" | "publicPost" | "tenantEgress">> {
  const options = await egressOptions(config);
  return {
    publicGet: publicGet(options),
    publicPost: publicPost(options),
    tenantEgress: options,
  };
}

/** @throws Error for a file of `--egress-ca` that cannot be used */
export async function egressOptions({ egress }: Config): Promise<EgressOptions> {
  const { allowPrivate = [], caFile } = egress;
  const ca = caFile === undefined ? undefined : await readCertificates("--egress-ca", caFile);
  return { ...egress, allowPrivate, ca };
}
