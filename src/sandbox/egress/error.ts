/** Why a request was not forwarded. */
import { EGRESS_ERROR_HEADER } from "../../runtime/wire.ts";

/** Code of an error by a rule of the operator or the function; all others are the network's. */
const RULES: readonly string[] = ["EGRESS_DENIED", "EGRESS_LIMIT"];
/** Codes of a failed connection that functions get as they are. */
const CONNECTION_CODES: readonly string[] = [
  "ENOTFOUND",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
];
/** Codes of `node:tls` for a certificate or handshake, such as `CERT_HAS_EXPIRED` and `ERR_TLS_CERT_ALTNAME_INVALID`. */
const TLS_CODE = /^[A-Z][A-Z0-9_]{2,63}$/;

type Status = 400 | 403 | 429 | 502 | 504;

const STATUS: Readonly<Record<string, Status>> = {
  EGRESS_DENIED: 403,
  EGRESS_LIMIT: 429,
  ETIMEDOUT: 504,
};

/** The code of a failed connection; `ECONNREFUSED` for an error without a known code. */
export function connectionCode(error: Error): string {
  const code = codeOf(error);
  return CONNECTION_CODES.includes(code) ? code : "ECONNREFUSED";
}

/** The code of a failed TLS handshake; `ECONNRESET` for an error without a code. */
export function tlsCode(error: Error): string {
  const code = codeOf(error);
  return TLS_CODE.test(code) ? code : "ECONNRESET";
}

function codeOf(error: Error): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : "";
}

/** Why a request was not forwarded: a code for programs and a reason for people. */
export class EgressError extends Error {
  override readonly name = "EgressError";

  constructor(
    /** `EGRESS_DENIED` or `EGRESS_LIMIT` for a rule, else the code of the network's error. */
    readonly code: string,
    reason: string,
    /** Status of the proxy's response. */
    readonly status: Status = STATUS[code] ?? 502,
  ) {
    super(reason);
  }

  /** `refused` by a rule, or `failed` on the network. */
  get verdict(): "refused" | "failed" {
    return RULES.includes(this.code) ? "refused" : "failed";
  }
}

/** The header of a response of the proxy itself. @param line as it is logged */
export function errorHeader({ code }: EgressError, line: string): readonly [string, string] {
  return [EGRESS_ERROR_HEADER, `${code} ${encodeURIComponent(line.toWellFormed())}`];
}
