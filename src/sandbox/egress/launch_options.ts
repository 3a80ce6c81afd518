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

/** Deno's permissions of a zygote. Each fork knows the random name of its own egress socket, and no other. */
export function treeFlags(socketDirInside: string): string[] {
  return [`--allow-read=${socketDirInside}`, `--allow-write=${socketDirInside}`, "--allow-net"];
}

/** Variables for Deno itself. Functions cannot read them. */
export function egressEnv(socketInside: string): Readonly<Record<string, string>> {
  return { HTTP_PROXY: `unix:${socketInside}`, HTTPS_PROXY: `unix:${socketInside}` };
}

/** The variable with the certificates that functions trust in addition to Mozilla's. */
export function caEnv(caFile: string | undefined): Readonly<Record<string, string>> {
  return caFile === undefined ? {} : { DENO_CERT: caFile };
}

/** The argument of the bootstrap with the path of the egress socket. */
export function egressArgument(socketInside: string): string {
  return `${EGRESS_SOCKET_ARGUMENT}${socketInside}`;
}
