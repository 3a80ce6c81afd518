/** What the processes of a tree share. */
import { basename } from "node:path";
import type { Cgroups, SocketDir } from "../../isolation/mod.ts";
import type { EgressProxy } from "../egress/proxy.ts";
import type { Image } from "../image/image.ts";
import type { Launcher } from "../instance/launcher.ts";
import type { TreeSocket } from "./tree_socket.ts";

/** What a zygote starts from. */
export interface RootResources {
  /** The memory class in bytes. */
  readonly classBytes: number;
  readonly launcher: Launcher;
  readonly image: Image;
  readonly socketDir: SocketDir;
}

export interface TreeResources extends RootResources {
  readonly socket: TreeSocket;
  readonly egress: EgressProxy;
  /** Undefined when the server cannot create cgroups. */
  readonly cgroups: Cgroups | undefined;
  /** The path of a socket in the directory as the processes see it. */
  pathInside(socketPath: string): string;
}

export function resourcesFor(parts: Omit<TreeResources, "pathInside">): TreeResources {
  const inside = parts.launcher.isolation.socketDirInside(parts.socketDir.path);
  return {
    ...parts,
    pathInside: (socketPath) => `${inside}/${basename(socketPath)}`,
  };
}
