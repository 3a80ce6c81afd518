/**
 * Node's network. The kernel lets an instance connect only to unix sockets, and its egress socket is the one that it can
 * reach. Deno's `fetch` and `WebSocket` support such a proxy. For `node:net` and its users every pipe becomes a tunnel:
 * the address of the pipe is `host:port`, and the pipe is connected once the proxy answered `CONNECT host:port`.
 *
 * This is no wall against TCP, which the kernel denies. It is a wall against unix sockets with abstract names, which
 * Deno's permissions do not check: no pipe can connect to them or create them.
 */
import { anonymous } from "./anonymous.ts";
import { apply, dataDescriptor, defineProperty, ErrorOf, indexOf, slice } from "./primordials.ts";

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

interface TlsSocket {
  readonly _tlsOptions: { pipe?: boolean; isServer?: boolean };
}

/** Primordials for the functions below, which cannot use imports. */
export const TOOLS = { apply, defineProperty, dataDescriptor, ErrorOf, indexOf, slice };
export type Tools = typeof TOOLS;

/** Errors as libuv numbers them. */
const ERRORS = Deno.build.os === "darwin"
  ? { access: -13, refused: -61, timedOut: -60 }
  : { access: -13, refused: -111, timedOut: -110 };
type PipeErrors = typeof ERRORS;

type Handshake = (pipe: PipeHandle, target: string, request: ConnectRequest) => void;

/** Makes the function that requests a tunnel from the proxy and completes the request with its response. */
const makeHandshake = anonymous(function (
  { WriteWrap, streamBaseState, kReadBytesOrError }: Bindings,
  ERRORS: PipeErrors,
  { apply, indexOf, slice }: Tools,
): Handshake {
  /** Longest head of the proxy's answer, in UTF-16 units. */
  const ANSWER_HEAD_MAX_UNITS = 16_384;
  const END_OF_HEAD = "\r\n\r\n";

  /** The error of a status of the proxy; 0 for success. */
  const errorOf = (head: string): number => {
    switch (slice(head, 0, 12)) {
      case "HTTP/1.1 200":
        return 0;
      case "HTTP/1.1 400":
      case "HTTP/1.1 403":
      case "HTTP/1.1 429":
        return ERRORS.access;
      case "HTTP/1.1 504":
        return ERRORS.timedOut;
      default:
        return ERRORS.refused;
    }
  };

  return (pipe, target, request) => {
    const { onread } = pipe;
    const decoder = new TextDecoder("latin1");
    let head = "";
    const complete = (status: number) => {
      pipe.readStop();
      pipe.onread = onread;
      request.oncomplete(status, pipe, request, true, true);
    };
    pipe.onread = (buffer: ArrayBuffer | undefined) => {
      const count = streamBaseState[kReadBytesOrError] ?? 0;
      if (count < 0 || buffer === undefined) return complete(ERRORS.refused);
      const before = head.length;
      head += decoder.decode(new Uint8Array(buffer, 0, count));
      const end = indexOf(head, END_OF_HEAD);
      if (end < 0) {
        if (head.length > ANSWER_HEAD_MAX_UNITS) complete(ERRORS.refused);
        return;
      }
      complete(errorOf(head));
      // Bytes after the head belong to the reader of the tunnel.
      const used = end + END_OF_HEAD.length - before;
      if (used >= count || typeof pipe.onread !== "function") return;
      streamBaseState[kReadBytesOrError] = count - used;
      apply(pipe.onread as never, pipe, [buffer.slice(used, count)]);
    };
    const write = new WriteWrap();
    write.oncomplete = () => {};
    const text = `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
    if (pipe.writeLatin1String(write, text) !== 0) return complete(ERRORS.refused);
    pipe.readStart();
  };
});

const replacePipes = anonymous(function (
  { Pipe, PipeConnectWrap }: Bindings,
  socketPath: () => string | undefined,
  shakeHands: Handshake,
  ERRORS: PipeErrors,
  { apply, defineProperty, dataDescriptor }: Tools,
): void {
  /** `host:port` without characters that would end its line. */
  const TARGET = /^[\x21-\x2e\x30-\x7e]+:[0-9]{1,5}$/;
  const { connect } = Pipe.prototype;
  const replace = (key: string, value: unknown) =>
    defineProperty(Pipe.prototype, key, dataDescriptor(value, false));
  replace("bind", () => ERRORS.access);
  replace("listen", () => ERRORS.access);
  replace("connect", function (this: PipeHandle, request: ConnectRequest, target: string) {
    const path = socketPath();
    if (path === undefined || !TARGET.test(target)) return ERRORS.access;
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
  const shakeHands = makeHandshake(bindings, ERRORS, TOOLS);
  replacePipes(bindings, () => egressSocket, shakeHands, ERRORS, TOOLS);
}

/** Sends every TCP connection through a pipe. Only the proxy resolves names. */
export const routeTcp = anonymous(function (net: Net, tls: Tls, { apply, indexOf }: Tools): void {
  const PORT_MAX = 65_535;
  const isPort = (port: unknown) => {
    const number = typeof port === "string" && port !== "" ? Number(port) : port;
    return Number.isInteger(number) && (number as number) >= 0 && (number as number) <= PORT_MAX;
  };
  const { Socket, _normalizeArgs } = net;
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function (this: unknown, ...args: unknown[]) {
    // Node passes normalized arguments as an array.
    const [options, listener] = Array.isArray(args[0])
      ? args[0] as unknown as Normalized
      : _normalizeArgs(args);
    // The original reports an invalid port.
    if (options.path || !isPort(options.port)) return apply(connect as never, this, args as never);
    const host = `${options.host || "localhost"}`;
    const path = `${indexOf(host, ":") < 0 ? host : `[${host}]`}:${options.port}`;
    const listeners = typeof listener === "function" ? [listener] : [];
    return apply(connect as never, this, [{ ...options, path }, ...listeners] as never);
  };
  // A TLS socket creates its handle before it knows its destination.
  const { _wrapHandle } = tls.TLSSocket.prototype;
  tls.TLSSocket.prototype._wrapHandle = function (socket, handle) {
    if (!handle && !this._tlsOptions.isServer) this._tlsOptions.pipe = true;
    return apply(_wrapHandle as never, this, [socket, handle] as never);
  };
});
