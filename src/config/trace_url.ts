import type { Kind } from "./kinds.ts";

const TRACE_ID = "{traceId}";
/** Scheme, host and the begin of what follows, in visible ASCII characters. */
const START = /^https?:\/\/[^\s/?#@\\{}]+[/?#][\x21-\x7e]*$/i;
const REST = /^[\x21-\x7e]*$/;
const OTHER_PLACEHOLDER = /\{\w+\}/;
const CHARS_MAX = 2_048;

/** The URL of a trace in a viewer of traces, with a placeholder for the id. */
export function traceUrl(): Kind<string> {
  return {
    placeholder: "URL",
    accepts:
      `an http or https URL without user that has ${TRACE_ID} once, after the host, and no other ` +
      "placeholder",
    parse: (text) => {
      const [start = "", rest, ...more] = text.split(TRACE_ID);
      const isTemplate = rest !== undefined && more.length === 0 && text.length <= CHARS_MAX &&
        START.test(start) && REST.test(rest) && !OTHER_PLACEHOLDER.test(start + rest);
      return isTemplate && URL.canParse(start + rest) ? text : undefined;
    },
    format: String,
  };
}

/** @param template a value of {@link traceUrl}; undefined for no links @param traceId hexadecimal digits */
export function urlOfTrace(template: string | undefined, traceId: string): string | undefined {
  return template?.replace(TRACE_ID, traceId);
}
