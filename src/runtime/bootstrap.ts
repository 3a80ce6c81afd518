/**
 * The main module of every instance, and of the root from which instances are forked. It loads and hardens the runtime,
 * waits for its code and its call, runs the call and answers. With process reuse it then waits for the next call of the
 * same function. This module exports nothing, because a function can import it.
 */
import { captureConsole } from "./console.ts";
import { EGRESS_SOCKET_ARGUMENT, useEgressSocket } from "./egress.ts";
import { warmUp } from "./fork/warm_up.ts";
import type { Became } from "./fork/forker.ts";
import type { Engine } from "./fork/memory.ts";
import { beginRoot, type Forks, openTree, prepareForks, type Tree } from "./fork/tree.ts";
import { harden } from "./harden.ts";
import { preload } from "./preload.ts";
import { exit, now, readStdinLater, waitFor } from "./primordials.ts";
import {
  announce,
  type FrameWriter,
  frameWriter,
  type Load,
  markStderr,
  receiveCall,
  receiveLoad,
} from "./request.ts";
import { loadedBody, NOTHING, type OnLoaded, run } from "./run.ts";
import { codeCacheOf, compile } from "./script.ts";
import { AS_ROOT, CodeCacheUse, FrameKind, LoadPurpose, READY_MESSAGE } from "./wire.ts";

/** Begins the observation of a script that is evaluated in this template. */
function asTemplate(
  { observe, serve, lowerLimits }: Tree,
  frame: FrameWriter,
  nonce: Uint8Array,
): OnLoaded {
  const endObservation = observe(() => {
    frame(FrameKind.NEEDS_CALL, NOTHING);
    return exit(0);
  });
  return (body) => {
    endObservation();
    markStderr(nonce);
    frame(FrameKind.LOADED, body);
    // A template loads once.
    while (serve() !== "instance");
    return receiveCall(lowerLimits);
  };
}

/** Becomes a root, and returns in a fork of it: in an instance, or in a template that is to load a script. */
async function fork(forks: Forks, engine: Engine): Promise<Forked> {
  const tree = openTree(core, engine, forks);
  await warmUp(ConsoleOf);
  return { tree, became: tree.serve() };
}

/** A fork of the root. */
interface Forked {
  readonly tree: Tree;
  readonly became: Became;
}

/** Longest wait of a fork for its forker, which kills it once the server has its answer. */
const KILL_TIMEOUT_MS = 1000;
const neverChanged = new Int32Array(new SharedArrayBuffer(4));

/** Ends a fork without an exit, which would write to memory that it shares so far: each page is copied for that. */
function awaitKill(): never {
  waitFor(neverChanged, 0, 0, KILL_TIMEOUT_MS);
  return exit(0);
}

/** Answers with the code cache of a script, none of whose code runs in this process. */
function compileOnly({ script }: Load, frame: FrameWriter): never {
  const beganMs = now();
  const compiled = compile(script);
  frame(FrameKind.LOADED, loadedBody(beganMs, CodeCacheUse.NONE));
  frame(FrameKind.RESULT, compiled === undefined ? NOTHING : codeCacheOf(compiled) ?? NOTHING);
  return awaitKill();
}

/** Waits for the code, runs it and answers. @param forked undefined in a process that was spawned */
function serveCalls(forked: Forked | undefined): void {
  const load = receiveLoad();
  const frame = frameWriter(load.nonce);
  if (load.purpose === LoadPurpose.COMPILE) return compileOnly(load, frame);
  const first = load.purpose === LoadPurpose.AHEAD
    ? undefined
    : receiveCall(forked?.tree.lowerLimits);
  const outside = {
    frame,
    receive: readStdinLater,
    mark: () => markStderr(load.nonce),
    exit: isRoot ? awaitKill : () => exit(0),
    listen: addEventListener,
    resetLog: captureConsole(ConsoleOf, frame, load.logBytes),
  };
  const onLoaded = forked?.became === "loading"
    ? asTemplate(forked.tree, frame, load.nonce)
    : (body: Uint8Array) => {
      frame(FrameKind.LOADED, body);
      return undefined;
    };
  run(load, first, outside, onLoaded);
}

const egress = Deno.args.find((argument) => argument.startsWith(EGRESS_SOCKET_ARGUMENT));
if (egress !== undefined) useEgressSocket(egress.slice(EGRESS_SOCKET_ARGUMENT.length));
const isRoot = Deno.args.includes(AS_ROOT);
let library = isRoot ? beginRoot() : undefined;
const { ConsoleOf, core } = harden();
let forks: Forks | undefined;
preload((parts) => {
  if (library !== undefined) forks = prepareForks(library, parts);
}).then((engine) => {
  if (forks === undefined) announce(READY_MESSAGE);
  return forks === undefined ? undefined : fork(forks, engine);
}).then((forked) => {
  library = undefined;
  forks = undefined;
  serveCalls(forked);
});
