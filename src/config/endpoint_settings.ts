import { bytes, domain, domains, duration, integer } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** Limits of HTTP endpoints of functions. */
export const ENDPOINT_SETTINGS = {
  timeoutMs: setting("endpoint-timeout", duration({ min: "100ms", max: "1h" }), {
    default: "30s",
    description: "Time to the first byte of a response, from the last byte of the request read",
  }),
  bodyLimitBytes: setting("endpoint-body-limit", bytes({ min: "1KiB", max: "1024GiB" }), {
    default: "1GiB",
    description: "Body of one request to an endpoint, and of one response",
  }),
  idleTimeoutMs: setting("endpoint-idle-timeout", duration({ min: "1s", max: "1h" }), {
    default: "60s",
    description: "How long a client may pause while it sends a body or receives a response",
  }),
  streamTimeoutMs: setting("stream-timeout", duration({ min: "1s", max: "1d" }), {
    default: "15m",
    description: "Wall-clock time of an invocation with a long body, which holds no slot",
  }),
  maxStreams: setting("max-streams", integer({ min: "0", max: "100000" }), {
    default: "256",
    description: "Invocations with long bodies that run at the same time, besides --max-running",
  }),
  disconnectGraceMs: setting("disconnect-grace", duration({ min: "0", max: "1h" }), {
    default: "5s",
    description: "How long an invocation continues after its client has disconnected",
  }),
  /** The domain below which each slug is a host; undefined for none. */
  domain: setting("endpoint-domain", domain(), {
    description: "Domain below which each slug is a host of its own, with cookies of its own",
  }),
  /** Further hosts that endpoints may have; undefined for none. */
  hosts: setting("endpoint-hosts", domains(), {
    description: "Other host names for endpoints, separated by commas",
  }),
  /** Requests per second of one address, and to one function; 0 for no limit. */
  ratePerSecond: setting("endpoint-rate", integer({ min: "0", max: "1000000" }), {
    default: "500",
    description: "Requests per second from one address, and to one function; 0: no limit",
  }),
} satisfies Rows;
