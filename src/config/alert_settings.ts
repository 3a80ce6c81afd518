import { duration, file } from "./kinds.ts";
import { secretUrl } from "./secret_url.ts";
import type { Rows } from "./setting.ts";

/** Settings of alerts, and of where the server posts them. */
export const ALERT_SETTINGS: Rows<"alerts"> = {
  url: {
    name: "alert-url",
    kind: secretUrl(),
    default: undefined,
    description: "URL to which the server posts alerts; none by default",
  },
  urlFile: {
    name: "alert-url-file",
    kind: file(),
    default: undefined,
    description: "File whose first line is the URL for alerts, which no process list shows",
  },
  secretFile: {
    name: "alert-secret-file",
    kind: file(),
    default: undefined,
    description: "File whose first line is the secret that signs posts (Standard Webhooks)",
  },
  intervalMs: {
    name: "alert-interval",
    kind: duration({ min: "1s", max: "1h" }),
    default: "1m",
    description: "How often the conditions of alerts are checked",
  },
};
