import { bytes, duration, integer } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** Limits of volumes, and how long their versions are kept. */
export const VOLUME_SETTINGS = {
  maxBytes: setting("max-volume", bytes({ min: "1KiB", max: "1024GiB" }), {
    default: "10GiB",
    description: "Total size of all files in one volume, unless its own quota is lower",
  }),
  /** Files and directories together. */
  maxEntries: setting("max-volume-files", integer({ min: "1", max: "10000000" }), {
    default: "100000",
    description: "Number of files and directories in one volume",
  }),
  maxFileBytes: setting("max-volume-file", bytes({ min: "1KiB", max: "1024GiB" }), {
    default: "2GiB",
    description: "Size of one file in a volume",
  }),
  historyMs: setting("volume-history", duration({ min: "0", max: "3650d" }), {
    default: "7d",
    description: "How long an earlier version of a volume can be restored",
  }),
  graceMs: setting("volume-grace", duration({ min: "0", max: "365d" }), {
    default: "1h",
    description: "How long unreferenced blobs of volumes stay on disk",
  }),
  sweepIntervalMs: setting("volume-sweep", duration({ min: "10ms", max: "1d" }), {
    default: "10m",
    description: "Interval between deletions of expired versions and their blobs",
  }),
} satisfies Rows;
