import { directory, duration } from "./kinds.ts";
import type { Rows } from "./setting.ts";

/** The audit log. */
export const AUDIT_SETTINGS = {
  retentionMs: {
    name: "audit-retention",
    kind: duration({ min: "1s", max: "3650d" }),
    default: "365d",
    description: "How long events of the audit log are kept",
  },
  /** Absolute path of the directory of exports to files; undefined for no such exports. */
  exportDir: {
    name: "audit-export-dir",
    kind: directory(),
    description: "Directory in which the audit log may be exported to files; none by default",
  },
} satisfies Rows;
