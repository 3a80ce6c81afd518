/** What an error says. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An error with violations of fields, as `ApiError` is one. */
interface FieldError extends Error {
  readonly fields: readonly {
    readonly field: string;
    readonly description: string;
  }[];
}

function fieldsOf(error: unknown): FieldError["fields"] {
  return error instanceof Error && "fields" in error ? (error as FieldError).fields : [];
}

/** The violation of one field; a request's field may be named with the path of the resource before it. */
export function violationOf(error: unknown, field: string): string | undefined {
  return fieldsOf(error).find((violation) => isOf(violation.field, field))?.description;
}

/** What of an error no field shows: all of it, unless each of its violations is of one of `fields`. */
export function remainingError(
  error: unknown,
  fields: readonly string[],
): unknown {
  if (error === null || error === undefined) return undefined;
  const violations = fieldsOf(error);
  const isShown = violations.length > 0 &&
    violations.every((violation) => fields.some((field) => isOf(violation.field, field)));
  return isShown ? undefined : error;
}

/** A path may continue below the field, as in `function.outboundNetworkAllowlist[1]`. */
function isOf(path: string, field: string): boolean {
  return `.${path.replaceAll("[", ".")}.`.includes(`.${field}.`);
}

/** Whether the server denied a request because of the caller's roles. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && "reason" in error && error.reason === "ROLE_MISSING";
}
