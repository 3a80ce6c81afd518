/** The entry of the `invoked` command. */
import { runCommand } from "./cli/mod.ts";

Deno.exit(await runCommand(Deno.args));
