import type { Command } from "commander";
import { registerCat } from "./cat.ts";
import { registerCp } from "./cp.ts";
import { registerCreate } from "./create.ts";
import { registerDelete } from "./delete.ts";
import { registerGet } from "./get.ts";
import { registerHistory } from "./history.ts";
import { registerList } from "./list.ts";
import { registerLs } from "./ls.ts";
import { registerPut } from "./put.ts";
import { registerRestore } from "./restore.ts";
import { registerRm } from "./rm.ts";

/** `invoked volumes`: volumes and the files in them. */
export function registerVolumes(program: Command): void {
  const volumes = program.command("volumes")
    .description("Create volumes, and copy files to and from them");
  for (
    const register of [
      ...[registerCreate, registerList, registerLs, registerCat, registerPut, registerGet],
      ...[registerRm, registerCp, registerHistory, registerRestore, registerDelete],
    ]
  ) register(volumes);
}
