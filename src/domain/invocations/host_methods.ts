import type { InvocationContext } from "../../engine/contract.ts";
import {
  type Host,
  type HostCall,
  HostCallError,
  type HostReply,
  type SandboxLog,
} from "../../sandbox/contract.ts";
import type { HttpRequest } from "../endpoints/http_request.ts";
import type { TenantTransport } from "../../tenants/contract.ts";
import { answerVfsCall, VFS_PREFIX } from "../volumes/host_calls.ts";
import type { VolumeSession } from "../volumes/session.ts";

/** Begins the names of the methods by which `fetch` answers a request. */
const HTTP_PREFIX = "http.";

/** What host calls of one run reach besides its invocation. */
interface RunPorts {
  /** Takes a line for the log of the run. */
  readonly onLog: (log: SandboxLog) => void;
  /** Answers in place of the function's tenant; undefined for the tenant itself. */
  readonly tenant?: TenantTransport | undefined;
}

/** What belongs to one invocation that makes host calls. */
interface HostParts extends RunPorts {
  /** Undefined without a volume. */
  readonly volume: VolumeSession | undefined;
  /** Undefined for an invocation of the default export. */
  readonly httpRequest: HttpRequest | undefined;
}

/** Answers the host calls of one name for the invocation that makes them. May throw `HostCallError`. */
export type HostMethod = (
  call: HostCall,
  invocation: InvocationContext,
  ports: RunPorts,
) => Promise<HostReply>;

/** What running functions can call on the server, by name. */
export class HostMethods {
  readonly #methods = new Map<string, HostMethod>();

  /** Adds methods; call it before the first invocation. */
  add(methods: ReadonlyMap<string, HostMethod>): void {
    for (const [name, method] of methods) this.#methods.set(name, method);
  }

  /** The host of one invocation. */
  hostOf(invocation: InvocationContext, parts: HostParts): Host {
    return { call: (call) => this.#call(call, invocation, parts) };
  }

  async #call(
    call: HostCall,
    invocation: InvocationContext,
    { volume, httpRequest, ...ports }: HostParts,
  ): Promise<HostReply> {
    if (httpRequest !== undefined && call.method.startsWith(HTTP_PREFIX)) {
      return await httpRequest.call(call);
    }
    if (call.method.startsWith(VFS_PREFIX)) return await answerVfsCall(volume, call);
    const method = this.#methods.get(call.method);
    if (method === undefined) {
      throw new HostCallError("UNIMPLEMENTED", `this server has no method ${call.method}`);
    }
    return await method(call, invocation, ports);
  }
}
