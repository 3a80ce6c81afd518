/** What a function's process is started with, so that it finds its gate and nothing else. */
import { EGRESS_SOCKET_ARGUMENT } from "../../runtime/egress.ts";

/**
 * Deno's permissions. Where the kernel refuses all sockets but unix ones, every host may be asked for, as the proxy
 * decides; elsewhere the gate alone is allowed, which is enough for `node:net` and what stands on it, but
 * leaves `fetch` and `WebSocket` without a network.
 */
export function egressFlags(socketInside: string, kernelRefusesSockets: boolean): string[] {
  return [
    `--allow-read=${socketInside}`,
    `--allow-write=${socketInside}`,
    kernelRefusesSockets ? "--allow-net" : `--allow-net=unix:${socketInside}`,
  ];
}

/** Variables that Deno reads by itself; the function may read none. */
export function egressEnv(
  socketInside: string,
  caFile: string | undefined,
): Readonly<Record<string, string>> {
  return {
    HTTP_PROXY: `unix:${socketInside}`,
    HTTPS_PROXY: `unix:${socketInside}`,
    ...caFile === undefined ? {} : { DENO_CERT: caFile },
  };
}

/** The argument that tells the bootstrap where the gate is. */
export function egressArgument(socketInside: string): string {
  return `${EGRESS_SOCKET_ARGUMENT}${socketInside}`;
}
