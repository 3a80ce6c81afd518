/**
 * Keeps names from being resolved in a function's process. The kernel refuses the sockets of a resolver, but the C
 * library may ask a service of the machine over a unix socket (`nss-resolve`, `mdns`), which then sends a
 * query that holds any name the function likes, and the other resolver answers from the machine's `/etc/hosts`,
 * which it reads without a permission. Nothing here is needed: the egress proxy resolves.
 */
import type { Tools } from "./egress.ts";
import { anonymous } from "./anonymous.ts";

const CONSTANTS =
  "ADDRGETNETWORKPARAMS, BADFAMILY, BADFLAGS, BADHINTS, BADNAME, BADQUERY, BADRESP, " +
  "BADSTR, CANCELLED, CONNREFUSED, DESTRUCTION, EOF, FILE, FORMERR, LOADIPHLPAPI, NODATA, NOMEM, " +
  "NONAME, NOTFOUND, NOTIMP, NOTINITIALIZED, REFUSED, SERVFAIL, TIMEOUT";
const SETTINGS = "Resolver, getDefaultResultOrder, getServers, setDefaultResultOrder, setServers";
const QUERIES =
  "lookup, lookupService, resolve, resolve4, resolve6, resolveAny, resolveCaa, resolveCname, resolveMx, " +
  "resolveNaptr, resolveNs, resolvePtr, resolveSoa, resolveSrv, resolveTxt, reverse";

/** Sources of the reduced modules, as named exports of built-ins cannot be replaced. */
export const DNS_SHIMS = {
  dns: `import dns from "node:dns";
    export { ADDRCONFIG, ALL, ${CONSTANTS}, V4MAPPED, promises, ${SETTINGS} } from "node:dns";
    export default dns;
    export const { ${QUERIES} } = dns;`,
  "dns/promises": `import dns from "node:dns";
    export { ${CONSTANTS}, ${SETTINGS} } from "node:dns/promises";
    export default dns.promises;
    export const { ${QUERIES} } = dns.promises;`,
} as const;

interface Resolving {
  readonly Resolver: { readonly prototype: object };
}

/** The built-ins that are reduced. */
export interface Resolvers {
  readonly dns: Resolving & { readonly promises: Resolving };
  readonly dgram: { readonly Socket: { readonly prototype: object } };
  readonly net: { readonly Server: { readonly prototype: object } };
}

/** Makes all of them fail. */
export const refuseNames = anonymous(function (
  { dns, dgram, net }: Resolvers,
  { defineProperty, dataDescriptor, ErrorOf }: Tools,
): void {
  const QUERIES = [
    "lookup",
    "lookupService",
    "resolve",
    "resolve4",
    "resolve6",
    "resolveAny",
    "resolveCaa",
    "resolveCname",
    "resolveMx",
    "resolveNaptr",
    "resolveNs",
    "resolvePtr",
    "resolveSoa",
    "resolveSrv",
    "resolveTxt",
    "reverse",
  ] as const;
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
  for (let index = 0; index < QUERIES.length; index++) {
    const call = QUERIES[index] ?? "";
    const byCallback = (...args: unknown[]) => {
      const callback = args[args.length - 1];
      if (typeof callback !== "function") throw refusal(call);
      queueMicrotask(() => callback(refusal(call)));
    };
    const byPromise = () => Promise.reject(refusal(call));
    replace(dns, call, byCallback);
    replace(dns.Resolver.prototype, call, byCallback);
    replace(dns.promises, call, byPromise);
    replace(dns.promises.Resolver.prototype, call, byPromise);
  }
  for (let index = 0; index < DATAGRAM_METHODS.length; index++) {
    const call = DATAGRAM_METHODS[index] ?? "";
    replace(dgram.Socket.prototype, call, refuse(call, call === "send"));
  }
  replace(net.Server.prototype, "listen", refuse("listen", false));
});
