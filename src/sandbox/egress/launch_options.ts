/** Flags, variables and arguments that give an instance its egress socket and no other network. */
import { EGRESS_SOCKET_ARGUMENT } from "../../runtime/egress.ts";

/**
 * Deno's permissions. If seccomp denies all sockets but unix ones, Deno allows every host and the proxy decides.
 * Otherwise Deno allows the egress socket alone: `node:net` and its users work, `fetch` and `WebSocket` do not.
 */
export function egressFlags(socketInside: string, seccomp: boolean): string[] {
  return [
    `--allow-read=${socketInside}`,
    `--allow-write=${socketInside}`,
    seccomp ? "--allow-net" : `--allow-net=unix:${socketInside}`,
  ];
}

/** Variables for Deno itself. Functions cannot read them. */
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

/** The argument of the bootstrap with the path of the egress socket. */
export function egressArgument(socketInside: string): string {
  return `${EGRESS_SOCKET_ARGUMENT}${socketInside}`;
}
