/** The headers by which a trace passes from one service to the next: https://www.w3.org/TR/trace-context/. */
import { formatTraceparent, parseTraceparent } from "./trace_context.ts";

/** What a service says of the span that calls another. */
export interface TraceHeaders {
  /** As `formatTraceparent` writes it. */
  readonly traceparent: string;
  /** What the tracing systems on the way add, in their own formats; absent for none. */
  readonly tracestate?: string;
}

/** What a request says of its trace. */
export interface ReceivedTrace extends TraceHeaders {
  /** Whether nobody is known to have sent it: then the server decides whether the trace is recorded. */
  readonly isOfStranger?: true;
}

/** Longest `tracestate` that passes, in characters: as much as the specification wants. */
const TRACESTATE_CHARS_MAX = 512;
const TRACESTATE_MEMBERS_MAX = 32;
/** A member `key=value`, in the characters of the specification. */
const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * The trace that a request continues; undefined if it names none, or names it in a way that the specification wants
 * ignored. Nothing else of the headers passes.
 * @param isAuthenticated whether the sender is known: a stranger cannot have traces recorded
 */
export function traceOfRequest(
  { traceparent, tracestate }: {
    readonly traceparent?: string | undefined;
    readonly tracestate?: string | undefined;
  },
  isAuthenticated = true,
): ReceivedTrace | undefined {
  if (traceparent === undefined) return undefined;
  const parent = parseTraceparent(traceparent);
  if (parent === undefined) return undefined;
  const passed = passedState(tracestate ?? "");
  return {
    traceparent: formatTraceparent(parent),
    ...isAuthenticated ? {} : { isOfStranger: true },
    ...passed === undefined ? {} : { tracestate: passed },
  };
}

/** A `tracestate` that passes on, without empty members; undefined for one that is malformed or too long. */
function passedState(header: string): string | undefined {
  if (header.length > TRACESTATE_CHARS_MAX) return undefined;
  const members = header.split(",").map((member) => member.trim()).filter((member) =>
    member !== ""
  );
  const keys = new Set(members.map((member) => member.split("=", 1)[0]));
  const isValid = keys.size === members.length && members.length <= TRACESTATE_MEMBERS_MAX &&
    members.every((member) => MEMBER.test(member));
  return isValid && members.length > 0 ? members.join(",") : undefined;
}
