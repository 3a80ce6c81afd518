import { bytes, duration, integer } from "./kinds.ts";
import type { Rows } from "./settings.ts";

/** What volumes may hold and how long their past is kept. */
export const VOLUME_SETTINGS: Rows<"volumes"> = {
  maxBytes: {
    name: "max-volume",
    kind: bytes({ min: "1KiB", max: "1024GiB" }),
    default: "10GiB",
    description: "Files of one volume together, where the volume has no lower quota of its own",
  },
  maxEntries: {
    name: "max-volume-files",
    kind: integer({ min: "1", max: "10000000" }),
    default: "100000",
    description: "Files and directories of one volume together",
  },
  maxFileBytes: {
    name: "max-volume-file",
    kind: bytes({ min: "1KiB", max: "1024GiB" }),
    default: "2GiB",
    description: "One file of a volume",
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
    description: "How long contents that no version of any volume has any more stay on disk",
  },
  sweepIntervalMs: {
    name: "volume-sweep",
    kind: duration({ min: "10ms", max: "1d" }),
    default: "10m",
    description: "How often versions and contents that are not kept any longer are looked for",
  },
};
