import { directory, duration } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** The audit log. */
export const AUDIT_SETTINGS = {
  retentionMs: setting("audit-retention", duration({ min: "1s", max: "3650d" }), {
    default: "365d",
    description: "How long events of the audit log are kept",
  }),
  /** Absolute path of the directory of exports to files; undefined for no such exports. */
  exportDir: setting("audit-export-dir", directory(), {
    description: "Directory in which the audit log may be exported to files; none by default",
  }),
} satisfies Rows;
