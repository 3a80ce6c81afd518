import { duration, file } from "./kinds.ts";
import { secretUrl } from "./secret_url.ts";
import { type Rows, setting } from "./setting.ts";

/** Settings of alerts, and of where the server posts them. */
export const ALERT_SETTINGS = {
  /** Undefined if the server posts no alerts, or if `urlFile` names the file with the URL. */
  url: setting("alert-url", secretUrl(), {
    description: "URL to which the server posts alerts; none by default",
  }),
  /** Absolute path of a file whose first line is the URL. */
  urlFile: setting("alert-url-file", file(), {
    description: "File whose first line is the URL for alerts, which no process list shows",
  }),
  /** Absolute path of a file whose first line is a secret of Standard Webhooks; undefined for unsigned posts. */
  secretFile: setting("alert-secret-file", file(), {
    description: "File whose first line is the secret that signs posts (Standard Webhooks)",
  }),
  intervalMs: setting("alert-interval", duration({ min: "1s", max: "1h" }), {
    default: "1m",
    description: "How often the conditions of alerts are checked",
  }),
} satisfies Rows;
