import { duration, file } from "./kinds.ts";
import { secretUrl } from "./secret_url.ts";
import type { Rows } from "./setting.ts";

/** Settings of alerts, and of where the server posts them. */
export const ALERT_SETTINGS = {
  /** Undefined if the server posts no alerts, or if `urlFile` names the file with the URL. */
  url: {
    name: "alert-url",
    kind: secretUrl(),
    description: "URL to which the server posts alerts; none by default",
  },
  /** Absolute path of a file whose first line is the URL. */
  urlFile: {
    name: "alert-url-file",
    kind: file(),
    description: "File whose first line is the URL for alerts, which no process list shows",
  },
  /** Absolute path of a file whose first line is a secret of Standard Webhooks; undefined for unsigned posts. */
  secretFile: {
    name: "alert-secret-file",
    kind: file(),
    description: "File whose first line is the secret that signs posts (Standard Webhooks)",
  },
  intervalMs: {
    name: "alert-interval",
    kind: duration({ min: "1s", max: "1h" }),
    default: "1m",
    description: "How often the conditions of alerts are checked",
  },
} satisfies Rows;
