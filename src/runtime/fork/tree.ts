/** How the bootstrap becomes the zygote of a tree of forks, and what its forks keep of it. */
import { useEgressSocket } from "../egress.ts";
import type { NodeParts } from "../node.ts";
import { decode } from "../primordials.ts";
import { announce, readExactly, uint32 } from "../request.ts";
import { READY_MESSAGE } from "../wire.ts";
import { findDescriptors } from "./descriptors.ts";
import { makeConnect } from "./connect.ts";
import { makeForkServer } from "./fork_server.ts";
import {
  idleLibc,
  LANDLOCK_SCOPES_ABI,
  landlockVersion,
  type Library,
  openLibrary,
} from "./libc.ts";
import { shareCode } from "./huge_pages.ts";
import { makeLine } from "./line.ts";
import { type Engine, gatherMemory, packMemory } from "./memory.ts";
import { makeObserver } from "./observe.ts";
import { replaceRealms } from "./realms.ts";
import { makeScope, makeSettler, type Settler } from "./settle.ts";
import { type Core, occupyThreads } from "./threads.ts";
import { replaceClock, replaceRandom } from "./unique.ts";
import { PATH_MAX_BYTES, SETUP_HEAD_BYTES, TOKEN_BYTES, type TreeSetup } from "./wire.ts";

/** Begins a zygote, before anything else loads. */
export function beginZygote(): Library {
  const library = openLibrary();
  gatherMemory(library);
  return library;
}

/** What a zygote prepares while the built-ins of Node load. */
export type Forks = Readonly<ReturnType<typeof prepareForks>>;

/** Replaces what forks would share. Built-ins must not be imported yet: an import keeps what it binds. */
export function prepareForks(library: Library, parts: NodeParts, core: Core) {
  replaceRandom(parts.crypto);
  replaceRealms(parts.vm, Math.random);
  return { library, observe: makeObserver(parts, core), clock: replaceClock(parts.process) };
}

/** What a zygote and its templates keep, and an instance drops. */
export type Tree = Readonly<ReturnType<typeof openTree>>;

/** Makes this process a zygote, once everything is loaded and hardened, and waits for the server's setup. */
export function openTree(core: Core, engine: Engine, { library, observe, clock }: Forks) {
  occupyThreads(library, core);
  announce(READY_MESSAGE);
  const setup = receiveSetup();
  const open = findDescriptors(library);
  const { libc } = library;
  const renewal = { beginClock: clock.begin, useEgressSocket };
  const connect = makeConnect(libc, setup.socketPath);
  const settler = makeSettler(libc, setup, open, connect, renewal);
  const idle = idleLibc();
  const rehearsed = makeSettler(idle, setup, open, makeConnect(idle, setup.socketPath), renewal);
  // Without these walls, an instance can pass its connections to others by an abstract socket.
  const keeps = setup.namespaces || landlockVersion(libc) >= LANDLOCK_SCOPES_ABI;
  const serve = makeForkServer(library, settler, makeLine(libc, connect, keeps), setup.namespaces);
  shareCode(libc);
  // Calls of foreign functions that are already open need no permission.
  Deno.permissions.revokeSync({ name: "ffi" });
  packMemory(library, engine);
  rehearseSettling(rehearsed, makeScope(idle));
  return {
    /** Serves as the zygote or as a template; see {@link makeForkServer}. */
    serve,
    observe,
    /** Forks of this process begin with the time that the clock has now. */
    stopClock: clock.stop,
    lowerLimits: settler.lowerLimits,
  };
}

/** Compiles what each fork does first; see `rehearsal.ts`. Both reach a library that does nothing. */
function rehearseSettling(settler: Settler, scope: () => boolean): void {
  const token = new Uint8Array(TOKEN_BYTES);
  settler.asForkServer();
  settler.asTemplate(token);
  settler.asInstance(0, 0, new Uint8Array(PATH_MAX_BYTES + 1));
  scope();
  settler.lowerLimits(0, 0);
}

function receiveSetup(): TreeSetup {
  const length = uint32(readExactly(SETUP_HEAD_BYTES), 0);
  return JSON.parse(decode(readExactly(length)));
}
