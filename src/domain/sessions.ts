import type { Session } from "../engine/contract.ts";
import { type HostCall, HostCallError, type HostReply } from "../sandbox/contract.ts";
import type { InvocationRow } from "../store/invocations.ts";
import type { Secrets } from "./secrets.ts";

/** Answers one kind of question for an invocation. May throw `HostCallError`. */
export type HostMethod = (call: HostCall, invocation: InvocationRow) => Promise<HostReply>;

/** What invocations have of the server while they run. */
export class Sessions {
  readonly #methods: Map<string, HostMethod>;

  constructor(
    private readonly secrets: Secrets,
    /** By the name under which functions ask. */
    methods: ReadonlyMap<string, HostMethod>,
  ) {
    this.#methods = new Map(methods);
  }

  /** Adds methods of a room above; call before the first invocation. */
  provide(methods: ReadonlyMap<string, HostMethod>): void {
    for (const [name, method] of methods) this.#methods.set(name, method);
  }

  async open(invocation: InvocationRow): Promise<Session> {
    const config = { secrets: await this.secrets.read(invocation.functionId) };
    return {
      config,
      host: { call: (call) => this.#call(call, invocation) },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async #call(call: HostCall, invocation: InvocationRow): Promise<HostReply> {
    const method = this.#methods.get(call.method);
    if (method === undefined) {
      throw new HostCallError("UNIMPLEMENTED", `this server has no method ${call.method}`);
    }
    return await method(call, invocation);
  }
}
