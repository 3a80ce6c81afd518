/**
 * Disables name resolution in an instance. The kernel denies the sockets of a resolver. But the C library may ask a
 * service of the machine over a unix socket (`nss-resolve`, `mdns`), which then sends queries with names that the
 * function chose. The other resolver answers from the machine's `/etc/hosts` without a permission. Functions do not need
 * either: the egress proxy resolves names.
 */
import { anonymous } from "./anonymous.ts";
import { lock } from "./harden.ts";
import { dataDescriptor, defineProperty, ErrorOf, ownKeys } from "./primordials.ts";

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

/** Holds the first error of a listener: packages may drop it, and then their server looks as if it listened. */
const makeHolder = anonymous(() => {
  let held: Error | undefined;
  return {
    note(error: Error) {
      held ??= error;
    },
    first: () => held,
  };
});

/** The error of the first listener. */
export const deniedListener = makeHolder();

interface Resolving {
  readonly Resolver: { readonly prototype: object };
}

/** The built-ins that are changed. */
export interface Resolvers {
  readonly dns: Resolving & { readonly promises: Resolving };
  readonly dgram: { readonly Socket: { readonly prototype: object } };
  readonly net: { readonly Server: { readonly prototype: object } };
}

/** What emits errors of a socket or server. */
interface Emitter {
  emit(name: string, error: Error): void;
}

type Denied = (call: string, why?: string) => Error;
type Replace = (target: object, key: string, value: unknown) => void;

/** The error of a JavaScript call that a function may not make. */
const denied = anonymous((ErrorOf: ErrorConstructor): Denied =>
  function denied(call, why = "not available in a function") {
    const error = new ErrorOf(`${call} EACCES: ${why}`);
    return Object.assign(error, { code: "EACCES", syscall: call });
  }
)(ErrorOf);

const disableResolvers = anonymous(function (
  { dns }: Resolvers,
  queries: readonly string[],
  replace: Replace,
  denied: Denied,
): void {
  for (const call of queries) {
    const byCallback = (...args: unknown[]) => {
      const callback = args[args.length - 1];
      if (typeof callback !== "function") throw denied(call);
      queueMicrotask(() => callback(denied(call)));
    };
    const byPromise = () => Promise.reject(denied(call));
    replace(dns, call, byCallback);
    replace(dns.Resolver.prototype, call, byCallback);
    replace(dns.promises, call, byPromise);
    replace(dns.promises.Resolver.prototype, call, byPromise);
  }
});

const disableSockets = anonymous(function (
  { dgram, net }: Resolvers,
  replace: Replace,
  denied: Denied,
  noteListener: (error: Error) => void,
): void {
  /** Methods that resolve a host before they fail without a socket. */
  const DATAGRAM_METHODS = ["bind", "connect", "send"] as const;
  /** Fails as Node does: with the callback if it takes an error, else with an event. The stack names the caller. */
  const fail = (call: string, takesError: boolean) =>
    function (this: Emitter, ...args: unknown[]) {
      const callback = takesError ? args[args.length - 1] : undefined;
      const error = denied(call);
      queueMicrotask(() => {
        if (typeof callback === "function") callback(error);
        else this.emit("error", error);
      });
      return this;
    };
  const listen = function (this: Emitter) {
    const error = denied(
      "listen",
      "a function cannot listen on a port; `export default { fetch }` answers HTTP requests",
    );
    noteListener(error);
    queueMicrotask(() => this.emit("error", error));
    return this;
  };
  for (const call of DATAGRAM_METHODS) {
    replace(dgram.Socket.prototype, call, fail(call, call === "send"));
  }
  replace(net.Server.prototype, "listen", listen);
});

/** Makes all resolvers and listeners fail with `EACCES`. */
export function disableNameResolution(
  builtIns: Resolvers,
  noteListener: (error: Error) => void,
): void {
  const replace: Replace = (target, key, value) =>
    defineProperty(target, key, dataDescriptor(value, true));
  disableResolvers(builtIns, QUERIES.split(", "), replace, denied);
  disableSockets(builtIns, replace, denied, noteListener);
}

/** The engine's resolver below `node:dns`. */
export interface Resolver {
  readonly ChannelWrap: { readonly prototype: object };
}

/** Access denied, as libuv reports it. */
const UV_EACCES = -13;

/** Makes the resolver itself fail, for a function that got past the reduced modules. */
export function blockResolver(resolver: Resolver): void {
  const { prototype } = resolver.ChannelWrap;
  const deny = () => UV_EACCES;
  lock(resolver, "getaddrinfo", deny);
  lock(resolver, "getnameinfo", deny);
  for (const key of ownKeys(prototype)) {
    if (typeof key === "string" && /^query|^getHost/.test(key)) lock(prototype, key, deny);
  }
}
