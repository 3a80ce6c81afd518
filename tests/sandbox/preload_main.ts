/** Runs the script of its argument as user code in a hardened process without a server. */
import { harden } from "../../src/runtime/harden.ts";
import { preload } from "../../src/runtime/preload.ts";
import { encode, evaluate, writeStderr } from "../../src/runtime/primordials.ts";

const [script = ""] = Deno.args;
harden();
preload(() => {}).then(() => {
  writeStderr(encode("user code begins\n"));
  evaluate(script);
});
