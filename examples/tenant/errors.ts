/** Errors as C1 answers them: JSON of google.rpc.Status. */

const STATUSES = {
  INVALID_ARGUMENT: { code: 3, http: 400 },
  NOT_FOUND: { code: 5, http: 404 },
  PERMISSION_DENIED: { code: 7, http: 403 },
  FAILED_PRECONDITION: { code: 9, http: 400 },
  UNIMPLEMENTED: { code: 12, http: 501 },
  UNAUTHENTICATED: { code: 16, http: 401 },
} as const;

/** Why a request has no other answer. */
export class TenantStatus extends Error {
  override name = "TenantStatus";

  /** @param field the field of the request that is wrong */
  constructor(
    readonly status: keyof typeof STATUSES,
    readonly reason: string,
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }

  toResponse(): Response {
    const { code, http } = STATUSES[this.status];
    const details: object[] = [{
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: this.reason,
      domain: "example",
    }];
    if (this.field !== undefined) {
      details.push({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        fieldViolations: [{ field: this.field, description: this.message }],
      });
    }
    return Response.json({ code, message: this.message, details }, { status: http });
  }
}

/** @returns an error that names the field and its rule */
export function invalidField(field: string, rule: string): TenantStatus {
  return new TenantStatus("INVALID_ARGUMENT", "INVALID_FIELD", `Invalid ${field}: ${rule}`, field);
}

/** @returns an error for an id that names nothing */
export function notFound(noun: string, id: string): TenantStatus {
  return new TenantStatus("NOT_FOUND", "NOT_FOUND", `There is no ${noun} ${JSON.stringify(id)}`);
}

/** @returns an error for what C1 has and this example has not */
export function notInExample(what: string): TenantStatus {
  return new TenantStatus(
    "UNIMPLEMENTED",
    "NOT_IN_EXAMPLE",
    `The example tenant does not have ${what}; examples/tenant/README.md lists what it has`,
  );
}
