/** All hostile functions, by class. */
import type { Hostile } from "../hostile.ts";
import { DESCRIPTORS } from "./descriptors.ts";
import { DNS } from "./dns.ts";
import { ENVIRONMENT } from "./environment.ts";
import { FILE_SYSTEM } from "./file_system.ts";
import { FORGERY } from "./forgery.ts";
import { IMPORTS } from "./imports.ts";
import { NETWORK } from "./network.ts";
import { PROCESSES } from "./processes.ts";
import { RESULTS } from "./results.ts";
import { STORAGE } from "./storage.ts";
import { RESOURCES } from "./resources.ts";

export const CLASSES: Readonly<Record<string, readonly Hostile[]>> = {
  "file system": FILE_SYSTEM,
  "environment": ENVIRONMENT,
  "processes": PROCESSES,
  "imports": IMPORTS,
  "descriptors": DESCRIPTORS,
  "forgery": FORGERY,
  "network": NETWORK,
  "DNS": DNS,
  "storage": STORAGE,
  "resources": RESOURCES,
  "results": RESULTS,
};
