/** What the processes of a tree share. */
import { basename } from "node:path";
import type { Cgroups, SocketDir } from "../../isolation/mod.ts";
import type { SandboxLimits } from "../contract.ts";
import type { EgressProxy } from "../egress/proxy.ts";
import type { Image } from "../image/image.ts";
import type { Launcher } from "../instance/launcher.ts";
import type { TreeSocket } from "./tree_socket.ts";

const MS_PER_SECOND = 1000;
/** V8's young generation, which the limit of its heap leaves out. Without threads of its own V8 fills it before it collects. */
const YOUNG_GENERATION_BYTES = 32 * 1024 * 1024;

export interface TreeSupplies {
  readonly launcher: Launcher;
  readonly image: Image;
  readonly socketDir: SocketDir;
  readonly socket: TreeSocket;
  readonly egress: EgressProxy;
  /** Undefined when the server cannot create cgroups. */
  readonly cgroups: Cgroups | undefined;
  /** The path of a socket in the directory as the processes see it. */
  pathInside(socketPath: string): string;
  /** Limits of an instance of a root that has this much private memory. */
  limitsOf(idleBytes: number): { readonly dataBytes: number; readonly cpuSeconds: number };
}

export function suppliesFor(
  limits: SandboxLimits,
  parts: Omit<TreeSupplies, "pathInside" | "limitsOf">,
): TreeSupplies {
  const inside = parts.launcher.isolation.socketDirInside(parts.socketDir.path);
  return {
    ...parts,
    pathInside: (socketPath) => `${inside}/${basename(socketPath)}`,
    limitsOf: (idleBytes) => ({
      dataBytes: idleBytes + limits.memoryBytes + YOUNG_GENERATION_BYTES,
      cpuSeconds: Math.ceil(limits.cpuTimeMs / MS_PER_SECOND),
    }),
  };
}
