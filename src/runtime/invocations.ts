/** Waits for the code and the invocation of a process, runs the invocation and answers. */
import { captureConsole } from "./console.ts";
import type { Became } from "./fork/fork_server.ts";
import type { Tree } from "./fork/tree.ts";
import type { ConsoleClass } from "./harden.ts";
import { exit, now, readStdin, readStdinLater, waitFor, writeStderr } from "./primordials.ts";
import {
  type Frames,
  frameWriter,
  type Load,
  markStderr,
  NOTHING,
  receiveInvocation,
  receiveLoad,
  writeAll,
} from "./request.ts";
import { loadedBody, type Loading, run } from "./run.ts";
import { codeCacheOf, compile } from "./script.ts";
import { beginNoting } from "./stderr.ts";
import { CodeCacheUse, FrameKind, LoadPurpose } from "./wire.ts";

/** What a process with a server talks to. */
export const STANDARD_WAYS = {
  read: readStdin,
  readLater: readStdinLater,
  write: writeAll,
  writeError: writeStderr,
  listen: addEventListener,
};

/** What a process talks to, and its end. */
export type Ways = Readonly<typeof STANDARD_WAYS> & { readonly end: () => never };

/** A fork of the zygote. */
export interface Forked {
  readonly tree: Tree;
  readonly became: Became;
}

/** Longest wait of a fork for its fork server, which kills it once the server has its answer. */
const KILL_TIMEOUT_MS = 1000;
const neverChanged = new Int32Array(new SharedArrayBuffer(4));

/** Ends a fork without an exit, which would write to memory that it shares so far: each page is copied for that. */
export function awaitKill(
  timeoutMs = KILL_TIMEOUT_MS,
  end: (code: number) => never = exit,
): never {
  waitFor(neverChanged, 0, 0, timeoutMs);
  // Without a code the function would choose it.
  return end(0);
}

/** Begins the observation of a script that is evaluated in this template. */
function asTemplate(
  { observe, serve, stopClock, lowerLimits }: Tree,
  { frame }: Frames,
  nonce: Uint8Array,
): Loading {
  const { end, stop } = observe((readings) => {
    frame(FrameKind.READINGS, readings);
    frame(FrameKind.NEEDS_INVOCATION, NOTHING);
    return exit(0);
  });
  return {
    onLoaded(body) {
      const readings = end();
      stopClock();
      markStderr(nonce);
      frame(FrameKind.READINGS, readings);
      frame(FrameKind.LOADED, body);
      // A template loads once.
      while (serve() !== "instance");
      return receiveInvocation(lowerLimits);
    },
    need: stop,
  };
}

/** Answers with the code cache of a script, none of whose code runs in this process. */
function compileOnly({ script }: Load, { frame, hold }: Frames): never {
  const beganMs = now();
  const compiled = compile(script);
  hold(FrameKind.LOADED, loadedBody(beganMs, CodeCacheUse.NONE));
  frame(FrameKind.RESULT, compiled === undefined ? NOTHING : codeCacheOf(compiled) ?? NOTHING);
  return awaitKill();
}

/**
 * Waits for the code, runs it and answers.
 * @param forked undefined in a process that was spawned
 */
export function serveInvocations(
  ConsoleOf: ConsoleClass,
  { read, readLater, write, writeError, listen, end }: Ways,
  forked: Forked | undefined,
): void {
  const load = receiveLoad(read);
  const frames = frameWriter(load.nonce, write);
  if (load.purpose === LoadPurpose.COMPILE) return compileOnly(load, frames);
  const isAhead = load.purpose === LoadPurpose.AHEAD;
  const message = isAhead ? undefined : receiveInvocation(forked?.tree.lowerLimits, read);
  const isShared = load.purpose === LoadPurpose.AHEAD_WITH_CONFIG;
  const outside = {
    frames,
    mustAccept: forked === undefined,
    receive: readLater,
    mark: () => markStderr(load.nonce, writeError),
    exit: end,
    listen,
    log: captureConsole(ConsoleOf, frames.frame, load.logBytes),
  };
  const loading = forked?.became === "loading" ? asTemplate(forked.tree, frames, load.nonce) : {
    onLoaded(body: Uint8Array) {
      frames.hold(FrameKind.LOADED, body);
      return undefined;
    },
    need: end,
  };
  const first = isShared ? undefined : message;
  beginNoting();
  run(load, first, outside, isShared ? { ...loading, config: message?.configJson } : loading);
}
