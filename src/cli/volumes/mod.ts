import type { Command } from "commander";
import { registerCopy } from "./copy.ts";
import { registerCat, registerGet, registerLs, registerPut, registerRm } from "./files.ts";
import {
  registerCreate,
  registerDelete,
  registerHistory,
  registerList,
  registerRestore,
} from "./whole.ts";

/** `invoked volumes`: volumes and the files in them. */
export function registerVolumes(program: Command): void {
  const volumes = program.command("volumes")
    .description("Make volumes, and bring files to them and back");
  for (
    const register of [
      ...[registerCreate, registerList, registerLs, registerCat, registerPut, registerGet],
      ...[registerRm, registerCopy, registerHistory, registerRestore, registerDelete],
    ]
  ) register(volumes);
}
