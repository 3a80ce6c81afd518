/**
 * Node's way to the network. The kernel lets a function's process connect to one unix socket alone, that of the
 * egress proxy. Deno's `fetch` and `WebSocket` know how to use such a proxy; for `node:net`, and what stands on
 * it, every pipe becomes a tunnel: the address of the pipe is `host:port`, and the pipe is connected once
 * the proxy has answered `CONNECT host:port`.
 *
 * None of this is a wall against TCP, which the kernel refuses. It is one against unix sockets with abstract names,
 * which Deno's permissions do not ask for: no pipe reaches or makes any.
 */
import { anonymous } from "./anonymous.ts";
import { apply, dataDescriptor, defineProperty, ErrorOf, indexOf, slice } from "./primordials.ts";

/** Begins the argument that names the proxy's socket. */
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

/** What `process.binding` hands out of `pipe_wrap` and `stream_wrap`. */
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

/** What is replaced in `node:net`. */
export interface Net {
  readonly Socket: { readonly prototype: { connect: (...args: unknown[]) => unknown } };
  _normalizeArgs(args: unknown[]): Normalized;
}

/** What is replaced in `node:tls`. */
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

/** What of the runtime the functions below use: they have no other way to it. */
export const TOOLS = { apply, defineProperty, dataDescriptor, ErrorOf, indexOf, slice };
export type Tools = typeof TOOLS;

/** Makes every pipe a tunnel through the proxy at `socketPath`; without one, no pipe connects at all. */
export const tunnelPipes = anonymous(function (
  bindings: Bindings,
  socketPath: string | undefined,
  { apply, defineProperty, dataDescriptor, indexOf, slice }: Tools,
): void {
  /** Longest head of the proxy's answer, in UTF-16 units. */
  const ANSWER_HEAD_MAX_UNITS = 16_384;
  const END_OF_HEAD = "\r\n\r\n";
  /** `host:port` without what would end the line that it stands in. */
  const TARGET = /^[\x21-\x2e\x30-\x7e]+:[0-9]{1,5}$/;
  /** Errors as libuv numbers them. */
  const ERRORS = Deno.build.os === "darwin"
    ? { access: -13, refused: -61, timedOut: -60 }
    : { access: -13, refused: -111, timedOut: -110 };
  const { Pipe, PipeConnectWrap, WriteWrap, streamBaseState, kReadBytesOrError } = bindings;
  const { connect } = Pipe.prototype;

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

  /** Asks the proxy for a tunnel and completes the request with its answer. */
  const shakeHands = (pipe: PipeHandle, target: string, request: ConnectRequest): void => {
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
      // What the other side said at once belongs to the reader of the tunnel.
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

  const replace = (key: string, value: unknown) =>
    defineProperty(Pipe.prototype, key, dataDescriptor(value, false));
  replace("bind", () => ERRORS.access);
  replace("listen", () => ERRORS.access);
  replace("connect", function (this: PipeHandle, request: ConnectRequest, target: string) {
    if (socketPath === undefined || !TARGET.test(target)) return ERRORS.access;
    const first = new PipeConnectWrap();
    first.oncomplete = (status) => {
      if (status === 0) shakeHands(this, target, request);
      else request.oncomplete(status, this, request, true, true);
    };
    return apply(connect as never, this, [first, socketPath]);
  });
});

/** Sends every TCP connection through a pipe. Names are resolved by the proxy alone. */
export const routeTcp = anonymous(function (net: Net, tls: Tls, { apply, indexOf }: Tools): void {
  const PORT_MAX = 65_535;
  const isPort = (port: unknown) => {
    const number = typeof port === "string" && port !== "" ? Number(port) : port;
    return Number.isInteger(number) && (number as number) >= 0 && (number as number) <= PORT_MAX;
  };
  const { Socket, _normalizeArgs } = net;
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function (this: unknown, ...args: unknown[]) {
    // Node hands on what it has normalized as an array.
    const [options, listener] = Array.isArray(args[0])
      ? args[0] as unknown as Normalized
      : _normalizeArgs(args);
    // A wrong port is told by the original.
    if (options.path || !isPort(options.port)) return apply(connect as never, this, args as never);
    const host = `${options.host || "localhost"}`;
    const path = `${indexOf(host, ":") < 0 ? host : `[${host}]`}:${options.port}`;
    const listeners = typeof listener === "function" ? [listener] : [];
    return apply(connect as never, this, [{ ...options, path }, ...listeners] as never);
  };
  // A TLS socket makes its handle before it is told where to connect to.
  const { _wrapHandle } = tls.TLSSocket.prototype;
  tls.TLSSocket.prototype._wrapHandle = function (socket, handle) {
    if (!handle && !this._tlsOptions.isServer) this._tlsOptions.pipe = true;
    return apply(_wrapHandle as never, this, [socket, handle] as never);
  };
});
