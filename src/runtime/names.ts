/**
 * Keeps names from being resolved in a function's process. The kernel refuses the sockets of a resolver, but the C
 * library may ask a service of the machine over a unix socket (`nss-resolve`, `mdns`), which then sends a
 * query that holds any name the function likes. Nothing here is needed: the egress proxy resolves.
 */
import type { Tools } from "./egress.ts";
import { neutral } from "./neutral.ts";

const CONSTANTS =
  "ADDRGETNETWORKPARAMS, BADFAMILY, BADFLAGS, BADHINTS, BADNAME, BADQUERY, BADRESP, " +
  "BADSTR, CANCELLED, CONNREFUSED, DESTRUCTION, EOF, FILE, FORMERR, LOADIPHLPAPI, NODATA, NOMEM, " +
  "NONAME, NOTFOUND, NOTIMP, NOTINITIALIZED, REFUSED, SERVFAIL, TIMEOUT";
const CALLS =
  "Resolver, getDefaultResultOrder, getServers, resolve, resolve4, resolve6, resolveAny, " +
  "resolveCaa, resolveCname, resolveMx, resolveNaptr, resolveNs, resolvePtr, resolveSoa, " +
  "resolveSrv, resolveTxt, reverse, setDefaultResultOrder, setServers";

/** Sources of the reduced modules, as named exports of built-ins cannot be replaced. */
export const DNS_SHIMS = {
  dns: `import dns from "node:dns";
    export { ADDRCONFIG, ALL, ${CONSTANTS}, V4MAPPED, promises, ${CALLS} } from "node:dns";
    export default dns;
    export const { lookup, lookupService } = dns;`,
  "dns/promises": `import dns from "node:dns";
    export { ${CONSTANTS}, ${CALLS} } from "node:dns/promises";
    export default dns.promises;
    export const { lookup, lookupService } = dns.promises;`,
} as const;

/** The built-ins that are reduced. */
export interface Resolvers {
  readonly dns: { readonly promises: object };
  readonly dgram: { readonly Socket: { readonly prototype: object } };
  readonly net: { readonly Server: { readonly prototype: object } };
}

/** Makes all of them fail. */
export const refuseNames = neutral(function (
  { dns, dgram, net }: Resolvers,
  { defineProperty, dataDescriptor, ErrorOf }: Tools,
): void {
  /** The parts of `node:dns` that go by the C library; all others make sockets of their own. */
  const RESOLVING = ["lookup", "lookupService"] as const;
  /** What takes a host and resolves it before it fails for want of a socket. */
  const DATAGRAM_METHODS = ["bind", "connect", "send"] as const;

  const replace = (target: object, key: string, value: unknown) =>
    defineProperty(target, key, dataDescriptor(value, true));
  const refusal = (call: string): Error => {
    const error = new ErrorOf(`${call} EACCES: not available in a function`);
    return Object.assign(error, { code: "EACCES", syscall: call });
  };
  /** As Node's network fails: to the callback, where there is one for it, else as an event. */
  const refuse = (call: string, takesError: boolean) =>
    function (this: { emit(name: string, error: Error): void }, ...args: unknown[]) {
      const callback = takesError ? args[args.length - 1] : undefined;
      queueMicrotask(() => {
        if (typeof callback === "function") callback(refusal(call));
        else this.emit("error", refusal(call));
      });
      return this;
    };
  for (let index = 0; index < RESOLVING.length; index++) {
    const call = RESOLVING[index] ?? "";
    replace(dns, call, (...args: unknown[]) => {
      const callback = args[args.length - 1];
      if (typeof callback !== "function") throw refusal(call);
      queueMicrotask(() => callback(refusal(call)));
    });
    replace(dns.promises, call, () => Promise.reject(refusal(call)));
  }
  for (let index = 0; index < DATAGRAM_METHODS.length; index++) {
    const call = DATAGRAM_METHODS[index] ?? "";
    replace(dgram.Socket.prototype, call, refuse(call, call === "send"));
  }
  replace(net.Server.prototype, "listen", refuse("listen", false));
});
