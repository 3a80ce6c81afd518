import type { InvocationContext } from "../../engine/contract.ts";
import { type Host, type HostCall, HostCallError, type HostReply } from "../../sandbox/contract.ts";
import { answerVfsCall, VFS_PREFIX } from "../volumes/host_calls.ts";
import type { VolumeSession } from "../volumes/session.ts";

/** Answers the host calls of one name for the invocation that makes them. May throw `HostCallError`. */
export type HostMethod = (call: HostCall, invocation: InvocationContext) => Promise<HostReply>;

/** What running functions can call on the server, by name. */
export class HostMethods {
  readonly #methods = new Map<string, HostMethod>();

  /** Adds methods; call it before the first invocation. */
  add(methods: ReadonlyMap<string, HostMethod>): void {
    for (const [name, method] of methods) this.#methods.set(name, method);
  }

  /** The host of one invocation. @param volume undefined without a volume */
  hostOf(invocation: InvocationContext, volume: VolumeSession | undefined): Host {
    return { call: (call) => this.#call(call, invocation, volume) };
  }

  async #call(
    call: HostCall,
    invocation: InvocationContext,
    volume: VolumeSession | undefined,
  ): Promise<HostReply> {
    if (call.method.startsWith(VFS_PREFIX)) return await answerVfsCall(volume, call);
    const method = this.#methods.get(call.method);
    if (method === undefined) {
      throw new HostCallError("UNIMPLEMENTED", `this server has no method ${call.method}`);
    }
    return await method(call, invocation);
  }
}
