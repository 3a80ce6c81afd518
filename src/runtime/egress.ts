/**
 * Node's network. The kernel lets an instance connect only to unix sockets, and its egress socket is the one that it can
 * reach. Deno's `fetch` and `WebSocket` support such a proxy. For `node:net` and its users every pipe becomes a tunnel:
 * the address of the pipe is `host:port`, and the pipe is connected once the proxy answered `CONNECT host:port`.
 *
 * This does not protect against TCP, which the kernel denies. It protects against unix sockets with abstract names, which
 * Deno's permissions do not check: no pipe can connect to them or create them.
 */
import { anonymous } from "./anonymous.ts";
import { dictionary, uncurry } from "./primordials.ts";
import * as primordials from "./primordials.ts";
import { EGRESS_ERROR_HEADER } from "./wire.ts";

/** Prefix of the argument with the path of the egress socket. */
export const EGRESS_SOCKET_ARGUMENT = "egress=";

interface ConnectRequest {
  oncomplete(status: number, ...rest: unknown[]): void;
}

interface PipeHandle {
  onread: unknown;
  connect(request: ConnectRequest, path: string): number | void;
  readStart(): number;
  readStop(): number;
  writeLatin1String(request: object, text: string): number;
}

/** The parts of `pipe_wrap` and `stream_wrap` that are used, from `process.binding`. */
export interface Bindings {
  readonly Pipe: { readonly prototype: PipeHandle };
  readonly PipeConnectWrap: new () => ConnectRequest;
  readonly WriteWrap: new () => { oncomplete: unknown };
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
}

interface ConnectOptions {
  readonly path?: string;
  readonly host?: string;
  readonly port?: number | string;
}

type Normalized = [ConnectOptions, (() => void) | null];

/** The parts of `node:net` that are replaced. */
export interface Net {
  readonly Socket: { readonly prototype: { connect: (...args: unknown[]) => unknown } };
  _normalizeArgs(args: unknown[]): Normalized;
}

/** The parts of `node:tls` that are replaced. */
export interface Tls {
  readonly TLSSocket: {
    readonly prototype: {
      _wrapHandle(this: TlsSocket, socket: unknown, handle: unknown): unknown;
    };
  };
}

/** The parts of a socket of Node that are used. */
interface FailingSocket {
  destroy(error: Error): unknown;
}
interface ConnectingSocket extends FailingSocket {
  readonly _handle: object | null;
}

interface TlsSocket {
  readonly _tlsOptions: { pipe?: boolean; isServer?: boolean };
}

/** The socket of each pipe that connects, for its error. */
const sockets = new WeakMap<object, FailingSocket>();
const getSocket = uncurry(WeakMap.prototype.get);
const setSocket = uncurry(WeakMap.prototype.set);

/** Primordials for the functions below, which cannot use imports. */
export const TOOLS = {
  ...primordials,
  socketOf: (pipe: object) => getSocket(sockets, pipe) as FailingSocket | undefined,
  claim: (pipe: object, socket: FailingSocket) => void setSocket(sockets, pipe, socket),
};
export type Tools = typeof TOOLS;

/** Access denied, as libuv numbers it. */
const UV_EACCES = -13;

const isMac = Deno.build.os === "darwin";
/** Errors as libuv numbers them, by the code of the proxy. A rule of the proxy is `EACCES`. */
const ERRORS = dictionary({
  ENOTFOUND: -3008,
  ECONNREFUSED: isMac ? -61 : -111,
  ECONNRESET: isMac ? -54 : -104,
  EHOSTUNREACH: isMac ? -65 : -113,
  ENETUNREACH: isMac ? -51 : -101,
  ETIMEDOUT: isMac ? -60 : -110,
  EACCES: UV_EACCES,
});
type PipeErrors = typeof ERRORS;

type Handshake = (pipe: PipeHandle, target: string, request: ConnectRequest) => void;

/** Makes the functions that read a verdict from the answer of the proxy. */
const makeVerdicts = anonymous(function (
  ERRORS: PipeErrors,
  HEADER: string,
  { decodeUri, indexOf, slice, defineProperty, plainDescriptor, ErrorOf }: Tools,
) {
  /** The verdict of a proxy that gives no reason. */
  const BROKEN = "ECONNREFUSED ";

  /** The code and encoded reason of the proxy; undefined for success. */
  const verdictIn = (head: string): string | undefined => {
    if (slice(head, 0, 12) === "HTTP/1.1 200") return undefined;
    const at = indexOf(head, HEADER);
    if (at < 0) return BROKEN;
    const value = slice(head, at + HEADER.length + 2);
    return slice(value, 0, indexOf(value, "\r\n"));
  };

  /** An error as Node makes it, with the reason of the proxy. */
  const errorOf = (verdict: string, target: string): Error => {
    const end = indexOf(verdict, " ");
    const given = slice(verdict, 0, end);
    const code = ERRORS[given] === undefined ? "EACCES" : given;
    const call = code === "ENOTFOUND" ? "getaddrinfo" : "connect";
    const reason = decodeUri(slice(verdict, end + 1));
    const error = new ErrorOf(`${call} ${code} ${reason === "" ? target : reason}`);
    const set = (key: string, value: unknown) => defineProperty(error, key, plainDescriptor(value));
    set("errno", ERRORS[code]);
    set("code", code);
    set("syscall", call);
    set("address", target);
    return error;
  };
  return { BROKEN, verdictIn, errorOf };
});

/** Makes the function that requests a tunnel from the proxy and completes the request with its response. */
const makeHandshake = anonymous(function (
  { WriteWrap, streamBaseState, kReadBytesOrError }: Bindings,
  { BROKEN, verdictIn, errorOf }: ReturnType<typeof makeVerdicts>,
  { apply, indexOf, slice, socketOf }: Tools,
): Handshake {
  /** Longest head of the proxy's answer, in UTF-16 units. */
  const ANSWER_HEAD_MAX_UNITS = 65_536;
  const END_OF_HEAD = "\r\n\r\n";

  return (pipe, target, request) => {
    const { onread } = pipe;
    const decoder = new TextDecoder("latin1");
    let head = "";
    const release = () => {
      pipe.readStop();
      pipe.onread = onread;
    };
    const fail = (verdict: string) => {
      release();
      const error = errorOf(verdict, target);
      const socket = socketOf(pipe);
      if (socket !== undefined) return void socket.destroy(error);
      const { errno } = error as Error & { errno: number };
      request.oncomplete(errno, pipe, request, true, true);
    };
    pipe.onread = (buffer: ArrayBuffer | undefined) => {
      const count = streamBaseState[kReadBytesOrError] ?? 0;
      if (count < 0 || buffer === undefined) return fail(BROKEN);
      const before = head.length;
      head += decoder.decode(new Uint8Array(buffer, 0, count));
      const end = indexOf(head, END_OF_HEAD);
      if (end < 0) {
        if (head.length > ANSWER_HEAD_MAX_UNITS) fail(BROKEN);
        return;
      }
      const verdict = verdictIn(slice(head, 0, end + 2));
      if (verdict !== undefined) return fail(verdict);
      release();
      request.oncomplete(0, pipe, request, true, true);
      // Bytes after the head belong to the reader of the tunnel.
      const used = end + END_OF_HEAD.length - before;
      if (used >= count || typeof pipe.onread !== "function") return;
      streamBaseState[kReadBytesOrError] = count - used;
      apply(pipe.onread as never, pipe, [buffer.slice(used, count)]);
    };
    const write = new WriteWrap();
    write.oncomplete = () => {};
    const text = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
    if (pipe.writeLatin1String(write, text) !== 0) return fail(BROKEN);
    pipe.readStart();
  };
});

const replacePipes = anonymous(function (
  { Pipe, PipeConnectWrap }: Bindings,
  socketPath: () => string | undefined,
  shakeHands: Handshake,
  UV_EACCES: number,
  { apply, defineProperty, dataDescriptor }: Tools,
): void {
  /** `host:port` without characters that would end its line. */
  const TARGET = /^[\x21-\x2e\x30-\x7e]+:[0-9]{1,5}$/;
  const { connect } = Pipe.prototype;
  const replace = (key: string, value: unknown) =>
    defineProperty(Pipe.prototype, key, dataDescriptor(value, false));
  replace("bind", () => UV_EACCES);
  replace("listen", () => UV_EACCES);
  replace("connect", function (this: PipeHandle, request: ConnectRequest, target: string) {
    const path = socketPath();
    if (path === undefined || !TARGET.test(target)) return UV_EACCES;
    const first = new PipeConnectWrap();
    first.oncomplete = (status) => {
      if (status === 0) shakeHands(this, target, request);
      else request.oncomplete(status, this, request, true, true);
    };
    return apply(connect as never, this, [first, path]);
  });
});

let egressSocket: string | undefined;

/** Sets the path of the egress socket of this process. Without it no pipe connects. */
export function useEgressSocket(path: string): void {
  egressSocket = path;
}

/** Makes every pipe a tunnel through the proxy at the egress socket. */
export function tunnelPipes(bindings: Bindings): void {
  const verdicts = makeVerdicts(ERRORS, EGRESS_ERROR_HEADER, TOOLS);
  const shakeHands = makeHandshake(bindings, verdicts, TOOLS);
  replacePipes(bindings, () => egressSocket, shakeHands, UV_EACCES, TOOLS);
}

/** Sends every TCP connection through a pipe. Only the proxy resolves names. */
export const routeTcp = anonymous(
  function (net: Net, tls: Tls, { apply, claim, indexOf }: Tools): void {
    const PORT_MAX = 65_535;
    const isPort = (port: unknown) => {
      const number = typeof port === "string" && port !== "" ? Number(port) : port;
      return Number.isInteger(number) && (number as number) >= 0 && (number as number) <= PORT_MAX;
    };
    const { Socket, _normalizeArgs } = net;
    const { connect } = Socket.prototype;
    Socket.prototype.connect = function (this: ConnectingSocket, ...args: unknown[]) {
      // Node passes normalized arguments as an array.
      const [options, listener] = Array.isArray(args[0])
        ? args[0] as unknown as Normalized
        : _normalizeArgs(args);
      // The original reports an invalid port.
      if (options.path || !isPort(options.port)) {
        return apply(connect as never, this, args as never);
      }
      const host = `${options.host || "localhost"}`;
      const path = `${indexOf(host, ":") < 0 ? host : `[${host}]`}:${options.port}`;
      const listeners = typeof listener === "function" ? [listener] : [];
      const connected = apply(
        connect as never,
        this,
        [{ ...options, path }, ...listeners] as never,
      );
      if (this._handle) claim(this._handle, this);
      return connected;
    };
    // A TLS socket creates its handle before it knows its destination.
    const { _wrapHandle } = tls.TLSSocket.prototype;
    tls.TLSSocket.prototype._wrapHandle = function (socket, handle) {
      if (!handle && !this._tlsOptions.isServer) this._tlsOptions.pipe = true;
      return apply(_wrapHandle as never, this, [socket, handle] as never);
    };
  },
);
