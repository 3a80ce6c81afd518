import { bytes, duration, integer } from "./kinds.ts";
import type { Rows } from "./setting.ts";

/** Limits of volumes, and how long their versions are kept. */
export const VOLUME_SETTINGS = {
  maxBytes: {
    name: "max-volume",
    kind: bytes({ min: "1KiB", max: "1024GiB" }),
    default: "10GiB",
    description: "Total size of all files in one volume, unless its own quota is lower",
  },
  /** Files and directories together. */
  maxEntries: {
    name: "max-volume-files",
    kind: integer({ min: "1", max: "10000000" }),
    default: "100000",
    description: "Number of files and directories in one volume",
  },
  maxFileBytes: {
    name: "max-volume-file",
    kind: bytes({ min: "1KiB", max: "1024GiB" }),
    default: "2GiB",
    description: "Size of one file in a volume",
  },
  historyMs: {
    name: "volume-history",
    kind: duration({ min: "0", max: "3650d" }),
    default: "7d",
    description: "How long an earlier version of a volume can be restored",
  },
  graceMs: {
    name: "volume-grace",
    kind: duration({ min: "0", max: "365d" }),
    default: "1h",
    description: "How long unreferenced blobs of volumes stay on disk",
  },
  sweepIntervalMs: {
    name: "volume-sweep",
    kind: duration({ min: "10ms", max: "1d" }),
    default: "10m",
    description: "Interval between deletions of expired versions and their blobs",
  },
} satisfies Rows;
