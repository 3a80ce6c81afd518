/**
 * The main module of every instance, and of the zygote from which instances are forked. It loads and hardens the runtime,
 * waits for its code and its invocation, runs the invocation and answers. With process reuse it then waits for the next
 * invocation of the same function. This module exports nothing, because a function can import it.
 */
import { awaitKill, type Forked, serveInvocations, STANDARD_WAYS } from "./invocations.ts";
import { EGRESS_SOCKET_ARGUMENT, useEgressSocket } from "./egress.ts";
import type { Engine } from "./fork/memory.ts";
import { rehearse } from "./fork/rehearsal.ts";
import { beginZygote, type Forks, openTree, prepareForks } from "./fork/tree.ts";
import { harden } from "./harden.ts";
import { preload } from "./preload.ts";
import { exit } from "./primordials.ts";
import { announce } from "./request.ts";
import { AS_ZYGOTE, READY_MESSAGE } from "./wire.ts";

/** Becomes a zygote, and returns in a fork of it: in an instance, or in a template that is to load a script. */
async function fork(forks: Forks, engine: Engine): Promise<Forked> {
  const tree = openTree(core, engine, forks);
  await rehearse(ConsoleOf);
  return { tree, became: tree.serve() };
}

const egress = Deno.args.find((argument) => argument.startsWith(EGRESS_SOCKET_ARGUMENT));
if (egress !== undefined) useEgressSocket(egress.slice(EGRESS_SOCKET_ARGUMENT.length));
const isZygote = Deno.args.includes(AS_ZYGOTE);
let library = isZygote ? beginZygote() : undefined;
const { ConsoleOf, core } = harden();

/** A fork runs this from the middle on: what follows the first await is compiled by then. */
async function main(): Promise<void> {
  let forks: Forks | undefined;
  const engine = await preload((parts) => {
    if (library !== undefined) forks = prepareForks(library, parts, core);
  });
  if (forks === undefined) announce(READY_MESSAGE);
  const forked = forks === undefined ? undefined : await fork(forks, engine);
  library = undefined;
  forks = undefined;
  serveInvocations(
    ConsoleOf,
    { ...STANDARD_WAYS, end: isZygote ? awaitKill : () => exit(0) },
    forked,
  );
}

main();
