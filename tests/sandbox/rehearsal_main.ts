/** Rehearses as a zygote does, and then serves the invocation on stdin as a fork does. */
import { awaitKill, serveInvocations, STANDARD_WAYS } from "../../src/runtime/invocations.ts";
import { rehearse } from "../../src/runtime/fork/rehearsal.ts";
import { harden } from "../../src/runtime/harden.ts";
import { preload } from "../../src/runtime/preload.ts";
import { readStdin } from "../../src/runtime/primordials.ts";
import { announce } from "../../src/runtime/request.ts";

/** V8 compiles this function at its first JavaScript call: the log of the test is divided there. */
function endRehearsal(): void {}

const isRehearsed = Deno.args.includes("rehearse");
const { ConsoleOf } = harden();
await preload(() => {});
// A zygote has announced that it is ready, and has read its setup.
announce("");
readStdin(new Uint8Array(0));
if (isRehearsed) await rehearse(ConsoleOf);
endRehearsal();
serveInvocations(ConsoleOf, { ...STANDARD_WAYS, end: awaitKill }, undefined);
